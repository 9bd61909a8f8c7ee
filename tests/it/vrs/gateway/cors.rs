//! Contract §1.3: CORS preflight.

use rstest::rstest;

use crate::support::{Backend, Request};
use crate::vrs::callers::guarded;
use crate::vrs::expected_error::access_denied;
use crate::vrs::known::{MOTHERS_ROLE, consent};
use crate::vrs::operations::request;

const ORIGIN: &str = "https://portal.example.nhs.uk";

fn preflight(path: &str, method: &str) -> Request {
    request("OPTIONS", path)
        .without("X-Request-ID")
        .header("Origin", ORIGIN)
        .header("Access-Control-Request-Method", method)
        .header("Access-Control-Request-Headers", "x-request-id, content-type")
}

fn list(value: Option<&str>) -> Vec<String> {
    value.unwrap_or_default().split(',').map(|item| item.trim().to_ascii_lowercase()).collect()
}

#[rstest]
#[actix_web::test]
async fn cors_preflight_lists_allowed_headers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let paths = ["/Consent", "/RelatedPerson", "/QuestionnaireResponse"].map(str::to_owned);
    for path in paths.into_iter().chain([consent(MOTHERS_ROLE)]) {
        for method in ["GET", "POST", "PATCH"] {
            let answer = app.send(preflight(&path, method)).await;
            assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.status);
            assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(ORIGIN), "{path}");
            assert_eq!(answer.header("Access-Control-Max-Age"), Some("3628800"), "{path}");
            let headers = list(answer.header("Access-Control-Allow-Headers"));
            for name in [
                "origin",
                "x-requested-with",
                "accept",
                "content-type",
                "nhsd-session-urid",
                "x-correlation-id",
                "x-request-id",
            ] {
                assert!(headers.iter().any(|known| known == name), "{name} in {headers:?}");
            }
            let mut methods = list(answer.header("Access-Control-Allow-Methods"));
            methods.sort();
            assert_eq!(methods, ["delete", "get", "patch", "post", "put"], "{path}");
            assert!(answer.body.is_empty(), "{path}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn cors_allow_origin_repeats_the_request_origin(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    for origin in ["https://a.example", "http://localhost:8080", "null"] {
        let asked = preflight("/Consent", "GET").without("Origin").header("Origin", origin);
        assert_eq!(app.send(asked).await.header("Access-Control-Allow-Origin"), Some(origin));
    }
}

#[rstest]
#[actix_web::test]
async fn options_without_request_method_is_an_ordinary_request(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    for header in ["Origin", "Access-Control-Request-Method"] {
        access_denied().check(header, &app.send(preflight("/Consent", "GET").without(header)).await);
    }
}

#[rstest]
#[actix_web::test]
async fn response_without_origin_has_no_cors_headers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let answer = app.send(request("GET", "/Consent")).await;
    assert_eq!(answer.header("Access-Control-Allow-Origin"), None);
}
