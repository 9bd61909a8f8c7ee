//! Paths that no API has, and what browser apps may send to those that one has.

use rstest::rstest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::account::oauth::kit;
use crate::support::{Backend, Options, Request, Response, TestApp};

const ORIGIN: &str = "https://portal.example.org";
const VRS: &str = "/validated-relationships/FHIR/R4";

fn kind(answer: &Response) -> &str {
    answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default()
}

// covers USE-14
#[rstest]
#[actix_web::test]
async fn unknown_path_is_404_in_the_format_of_the_client(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in [
        "/favicon.ico",
        "/metadata",
        "/simulated",
        "/Consent",
        "/FHIR",
        "/FHIR/R5/Consent",
        "/validated-relationship",
        "//",
        "/x%2Fy",
    ] {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let plain = app.send(Request::new(method, path)).await;
            assert_eq!((plain.status, kind(&plain)), (404, "application/problem+json"), "{method} {path}");
            let content = plain.json();
            assert_eq!((&content["status"], &content["title"]), (&404.into(), &"Not Found".into()), "{path}");
            assert!(!content.to_string().contains("INVALIDATED_RESOURCE"), "{path}");
            let page = app.send(Request::new(method, path).header("Accept", browser)).await;
            assert_eq!((page.status, kind(&page)), (404, "text/html"), "{method} {path}");
            assert!(String::from_utf8_lossy(&page.body).contains("<h1>Page not found</h1>"), "{path}");
            assert!(page.header("vary").is_some_and(|vary| vary.eq_ignore_ascii_case("accept")));
        }
    }
    // Below its own path the contract of the Validated Relationships API holds, for browsers as well.
    for path in [
        "/validated-relationships",
        "/validated-relationships/",
        "/validated-relationships/FHIR/R4/Patient",
        "/validated-relationships/FHIR/R4",
    ] {
        let answer = app.send(Request::new("GET", path).header("Accept", browser)).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "INVALIDATED_RESOURCE"), "{path}");
    }
    let answer = app.send(Request::new("GET", "/FHIR/R4/Nothing")).await;
    assert_eq!((answer.status, answer.json()["resourceType"].as_str()), (404, Some("OperationOutcome")));
}

// covers USE-14
#[rstest]
#[actix_web::test]
async fn root_page_describes_the_server(#[values(Backend::Sqlite)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let content = app.send(Request::new("GET", "/")).await;
    assert_eq!((content.status, kind(&content)), (200, "application/json"));
    assert_eq!(
        (&content.json()["fhir"], &content.json()["validated_relationships"]),
        (&"/FHIR/R4/metadata".into(), &VRS.into())
    );
    let page = app.send(Request::new("GET", "/").header("Accept", "text/html")).await;
    assert_eq!((page.status, kind(&page)), (200, "text/html"));
    let text = String::from_utf8_lossy(&page.body).into_owned();
    for link in ["/FHIR/R4/metadata", "/health", "/ready"] {
        assert!(text.contains(&format!("href=\"{link}\"")), "{link}");
        assert_eq!(app.send(Request::new("GET", link)).await.status, 200, "{link}");
    }
    let style = text.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).expect("a style");
    let digest = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, Sha256::digest(style));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains(&format!("style-src 'sha256-{digest}'")), "{policy} {digest}");
    let head = app.send(Request::new("HEAD", "/")).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

/// Each resource that browser apps call, as the CapabilityStatement and the documents list them.
async fn resources(app: &TestApp) -> Vec<String> {
    let metadata = app.send(Request::new("GET", "/FHIR/R4/metadata")).await.json();
    let types = metadata["rest"][0]["resource"].as_array().expect("types").clone();
    let names = types.iter().filter_map(|one| one["type"].as_str());
    let fhir = names.flat_map(|name| {
        ["", "/1", "/_search", "/1/_history", "/1/_history/1", "/$validate"]
            .map(|rest| format!("/FHIR/R4/{name}{rest}"))
    });
    let oauth = ["token", "introspect", "revoke", "par", "register", "userinfo", "jwks"]
        .map(|name| format!("/oauth/{name}"));
    let vrs = ["Consent", "Consent/1", "RelatedPerson", "QuestionnaireResponse", "QuestionnaireResponse/1"];
    let own = ["/FHIR/R4", "/FHIR/R4/metadata", "/FHIR/R4/_history"].map(str::to_owned);
    fhir.chain(oauth).chain(vrs.map(|path| format!("{VRS}/{path}"))).chain(own).collect()
}

// covers USE-11, G-15
#[rstest]
#[actix_web::test]
async fn cors_preflight_allows_every_method_of_the_resource(#[values(Backend::Sqlite)] backend: Backend) {
    let app = TestApp::start(backend, Options { registrations: kit::apps(), ..Options::default() }).await;
    let mut offered = 0;
    for path in resources(&app).await {
        let preflight = Request::new("OPTIONS", &path)
            .header("Origin", ORIGIN)
            .header("Access-Control-Request-Method", "GET");
        let answer = app.send(preflight).await;
        let allowed: Vec<String> = answer
            .header("access-control-allow-methods")
            .expect("methods")
            .split(',')
            .map(|one| one.trim().to_owned())
            .collect();
        // What a resource has is what a method that it has not is answered with (RFC 9110 §15.5.6).
        for method in ["PUT", "DELETE", "PATCH", "POST", "TRACE"] {
            let refused = app.send(Request::new(method, &path).with_id()).await;
            for has in refused
                .header("allow")
                .unwrap_or_default()
                .split(',')
                .map(str::trim)
                .filter(|one| !one.is_empty())
            {
                assert!(
                    has == "OPTIONS" || allowed.contains(&has.to_owned()),
                    "{path}: {has} is not in {allowed:?}"
                );
                offered += 1;
            }
        }
    }
    assert!(offered > 100, "nothing was offered: {offered}");
    // The one that was missing: a subscription is deleted by its browser app.
    let refused = app.send(Request::new("POST", "/FHIR/R4/Subscription/1")).await;
    assert!(
        refused.header("allow").is_some_and(|allow| allow.contains("DELETE")),
        "{:?}",
        refused.header("allow")
    );
}

/// What the capability statement offers, too.
#[rstest]
#[actix_web::test]
async fn cors_preflight_allows_every_interaction_of_the_capability_statement(
    #[values(Backend::Sqlite)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let metadata = app.send(Request::new("GET", "/FHIR/R4/metadata")).await.json();
    let preflight = Request::new("OPTIONS", "/FHIR/R4/Subscription/1")
        .header("Origin", ORIGIN)
        .header("Access-Control-Request-Method", "DELETE");
    let answer = app.send(preflight).await;
    let allowed = answer.header("access-control-allow-methods").expect("methods").to_owned();
    let methods = |code: &str| match code {
        "create" | "batch" | "transaction" => "POST",
        "update" => "PUT",
        "patch" => "PATCH",
        "delete" => "DELETE",
        _ => "GET",
    };
    let codes = |of: &Value| -> Vec<String> {
        let all = of["interaction"].as_array().cloned().unwrap_or_default();
        all.iter().filter_map(|one| one["code"].as_str()).map(str::to_owned).collect()
    };
    let rest = &metadata["rest"][0];
    let types = rest["resource"].as_array().expect("types").iter().flat_map(codes).collect::<Vec<_>>();
    assert!(types.contains(&"delete".to_owned()));
    for code in types.into_iter().chain(codes(rest)) {
        assert!(allowed.split(", ").any(|method| method == methods(&code)), "{code}: {allowed}");
    }
}
