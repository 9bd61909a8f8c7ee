//! The `Vary` header, and encoded bodies.

use rstest::rstest;
use serde_json::json;

use crate::fhir::bodies::role;
use crate::fhir::client::{get, outcome_of, patch, post, put, request, send};
use crate::support::{Backend, Request, TestApp, bodies};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, MOTHERS_ROLE, PATIENTS};

// covers FAULT-18
#[rstest]
#[actix_web::test]
async fn a_body_with_a_content_encoding_is_415_on_every_api(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut footprint = Footprint::of(&app);
    let body = role(LONER, PATIENTS[0]);
    let form = |path: &str| {
        request("POST", path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("patient=9000000009")
    };
    let requests = [
        post("/Consent", &body),
        put(&format!("/Consent/{MOTHERS_ROLE}"), &body),
        patch(&format!("/Consent/{MOTHERS_ROLE}"), &json!([])),
        post("/Consent/$validate", &body),
        post("", &json!({ "resourceType": "Bundle", "type": "batch" })),
        form("/Consent/_search"),
    ];
    for coding in ["gzip", "br", "GZIP, identity", "x"] {
        for request in &requests {
            let answer = send(&app, request.clone().header("Content-Encoding", coding)).await;
            let (status, code, _) = outcome_of(&answer);
            assert_eq!((status, code.as_str()), (415, "not-supported"), "{coding}");
            assert_eq!(answer.header("accept-encoding"), Some("identity"), "{coding}");
        }
        let base = api_vrs::BASE_PATH;
        let vrs = Request::post(&format!("{base}/Consent"), bodies::consent(LONER, PATIENTS[0]));
        let answer = app.send(vrs.header("Content-Encoding", coding)).await;
        assert_eq!((answer.status, answer.code().as_str()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{coding}");
        assert_eq!(answer.header("accept-encoding"), Some("identity"), "{coding}");
    }
    footprint.check_untouched("encoded bodies");
    // Another 415 does not name encodings (RFC 9110, section 12.5.3), and `identity` is none.
    let other = request("POST", "/Consent").header("Content-Type", "text/plain").body("x");
    let answer = send(&app, other).await;
    assert_eq!((answer.status, answer.header("accept-encoding")), (415, None));
    let plain = send(&app, post("/Consent/$validate", &body).header("Content-Encoding", "Identity")).await;
    assert_eq!(plain.status, 200);
    let empty = send(&app, get("/Consent?_count=1").header("Content-Encoding", "gzip")).await;
    assert_eq!(empty.status, 200, "there is no body");
}

// covers FAULT-18
#[rstest]
#[actix_web::test]
async fn every_response_has_vary_accept(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let role = format!("/Consent/{MOTHERS_ROLE}");
    for (request, status) in [
        (get("/metadata"), 200),
        (get("/metadata").header("If-None-Match", "*"), 304),
        (get("/metadata").header("Accept", "application/fhir+xml"), 200),
        (get(&role), 200),
        (get(&role).header("If-None-Match", "*"), 304),
        (get(&role).header("Origin", "https://portal.example.org"), 200),
        (get("/Consent?_count=1"), 200),
        (get("/Consent/none"), 404),
        (get("/Consent?_format=html"), 406),
        (request("DELETE", &role), 405),
        (post("", &json!({ "resourceType": "Bundle", "type": "batch" })), 200),
    ] {
        let answer = send(&app, request).await;
        assert_eq!((answer.status, answer.header("vary")), (status, Some("origin, accept, prefer")));
    }
}

// covers FAULT-18
#[rstest]
#[actix_web::test]
async fn a_version_id_is_a_text(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let form = send(&app, get("/QuestionnaireResponse")).await.json();
    let form = form["entry"][0]["resource"]["id"].as_str().expect("an id").to_owned();
    for path in [
        format!("/Consent/{MOTHERS_ROLE}"),
        format!("/QuestionnaireResponse/{form}"),
        "/Patient/9000000009".to_owned(),
    ] {
        for (version, status) in [
            ("1", 200),
            ("%31", 200),
            ("01", 404),
            ("%2B1", 404),
            ("+1", 404),
            ("1.0", 404),
            ("-1", 404),
            ("0", 404),
            ("2", 404),
            ("99999999999999999999", 404),
        ] {
            let answer = send(&app, get(&format!("{path}/_history/{version}"))).await;
            assert_eq!(answer.status, status, "{path} {version}");
        }
    }
}
