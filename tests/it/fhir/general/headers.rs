//! Common response headers.

use rstest::rstest;

use crate::fhir::bodies::role;
use crate::fhir::client::{get, link, outcome_of, post, request, send, send_well};
use crate::support::{Backend, REQUEST_ID, TestApp, send_bytes};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, MOTHERS_ROLE, PATIENTS};

// covers G-09, G-11
#[rstest]
#[actix_web::test]
async fn prefer_return_selects_the_response_body_of_a_write(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for (number, (prefer, kind)) in [
        ("return=minimal", ""),
        ("return=representation", "Consent"),
        ("return=OperationOutcome", "OperationOutcome"),
        ("return=presentation", "Consent"),
        ("respond-async", "Consent"),
        ("", "Consent"),
    ]
    .into_iter()
    .enumerate()
    {
        let create = post("/Consent", &role(LONER, PATIENTS[number])).header("Prefer", prefer);
        let answer = send(&app, create).await;
        assert_eq!((answer.status, answer.header("etag")), (201, Some("W/\"1\"")), "{prefer}");
        assert!(answer.header("location").is_some() && answer.header("last-modified").is_some());
        let got =
            if answer.body.is_empty() { String::new() } else { answer.json()["resourceType"].to_string() };
        assert_eq!(got.trim_matches('"'), kind, "{prefer}");
        let read = get(&format!("/Consent/{MOTHERS_ROLE}")).header("Prefer", prefer);
        assert_eq!(send_well(&app, read, 200).await["resourceType"], "Consent");
    }
}

// covers G-10
#[rstest]
#[actix_web::test]
async fn unknown_parameter_is_400_with_handling_strict_else_ignored(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let search = || get("/Consent?status=active&colour=red&_count=1");
    let strict = send(&app, search().header("Prefer", "handling=strict")).await;
    assert_eq!(outcome_of(&strict).0, 400);
    for request in [search(), search().header("Prefer", "handling=lenient")] {
        let found = send_well(&app, request, 200).await;
        let link = link(&found, "self").expect("a link");
        assert!(link.contains("status=active") && !link.contains("colour"), "{link}");
    }
}

// covers G-13
#[rstest]
#[actix_web::test]
async fn head_is_get_without_a_body(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let role = format!("/Consent/{MOTHERS_ROLE}");
    for path in [
        "/metadata".to_owned(),
        role.clone(),
        format!("{role}/_history"),
        format!("{role}/_history/1"),
        "/Consent?status=active".to_owned(),
        "/Consent/_history".to_owned(),
        "/_history".to_owned(),
        String::new(),
        "/Patient/9000000009/Consent".to_owned(),
        "/Patient/9000000009/$everything".to_owned(),
        "/Consent/none".to_owned(),
        "/Nowhere".to_owned(),
    ] {
        let (head, get) = (send(&app, request("HEAD", &path)).await, send(&app, get(&path)).await);
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for name in ["content-type", "etag", "last-modified"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

// covers G-14
#[rstest]
#[actix_web::test]
async fn every_response_has_date_and_x_request_id(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for path in ["/metadata", "/Consent?_count=1", "/Consent/none", "/Nowhere", "/Consent?_format=html"] {
        let answer = send(&app, get(path).with_id().header("X-Correlation-Id", "one")).await;
        assert_eq!(answer.header("x-request-id"), Some(REQUEST_ID), "{path}");
        assert_eq!(answer.header("x-correlation-id"), Some("one"), "{path}");
        assert!(answer.header("date").is_some_and(|date| date.ends_with("GMT")), "{path}");
    }
}

// covers G-15
#[rstest]
#[actix_web::test]
async fn cors_preflight_lists_allowed_methods_and_headers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let origin = "https://portal.example.org";
    for path in ["/metadata", "/Consent", "/Nowhere", "/Consent?_format=html"] {
        let preflight = request("OPTIONS", path)
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "PUT")
            .header("Access-Control-Request-Headers", "if-match");
        let answer = send(&app, preflight).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        let headers = answer.header("access-control-allow-headers").expect("headers");
        for name in [
            "authorization",
            "content-type",
            "accept",
            "prefer",
            "if-match",
            "if-none-match",
            "if-modified-since",
            "if-unmodified-since",
            "if-none-exist",
            "x-request-id",
        ] {
            assert!(headers.contains(name), "{path} {name}");
        }
        let methods = answer.header("access-control-allow-methods").expect("methods");
        assert!(["GET", "POST", "PUT", "PATCH"].iter().all(|method| methods.contains(method)));
        let answer = send(&app, get(path).header("Origin", origin)).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{path}");
        let exposed = answer.header("access-control-expose-headers").expect("headers");
        for name in ["etag", "location", "content-location", "last-modified", "x-request-id"] {
            assert!(exposed.contains(name), "{path} {name}");
        }
    }
    let mut footprint = Footprint::of(&app);
    assert_eq!(send(&app, request("OPTIONS", "/Consent")).await.status, 405);
    footprint.check_untouched("no preflight");
}

/// Java's HTTP client asks for HTTP/2 with each request over plain HTTP (RFC 9110, section 7.8).
#[rstest]
#[actix_web::test]
async fn upgrade_to_http_2_is_answered_in_http_1_1(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let asked = "POST /FHIR/R4/Consent/$validate HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n\
         Content-Type: application/fhir+json\r\nContent-Length: 2\r\n\r\n{}";
    let answer = send_bytes(app.address, asked.as_bytes()).await.expect("an answer");
    assert_eq!((answer.status, answer.header("upgrade")), (400, None));
    assert_eq!(answer.header("connection"), Some("close"));
}
