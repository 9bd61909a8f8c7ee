//! Contract §1.3: both ids come back on success and on every fault, their names in the caller's own
//! letter case.

use rstest::rstest;

use crate::support::{Backend, Options, Request, Response, TestApp, bodies};
use crate::vrs::callers::{NURSE, citizen, guarded, guarded_options};
use crate::vrs::known::{ACCESS_REQUEST, CHILD, MOTHER, MOTHERS_ROLE, NO_SUCH_ID, consent};
use crate::vrs::operations::{all, get, patch, post, request};

const SPELLINGS: [(&str, &str); 4] = [
    ("X-Request-ID", "X-Correlation-ID"),
    ("x-request-id", "x-correlation-id"),
    ("X-REQUEST-ID", "X-CORRELATION-ID"),
    ("x-ReQuEsT-Id", "X-coRRelation-iD"),
];
const REQUEST_ID: &str = "c1ab3fba-6bae-4ba4-b257-5a87c44d4a91";
const CORRELATION_ID: &str = "9562466F-C982-4BD5-BB0E-255E9F5E6689";

fn spelt(request: &Request, (request_id, correlation_id): (&str, &str)) -> Request {
    let request = request.clone().without("X-Request-ID");
    request.header(request_id, REQUEST_ID).header(correlation_id, CORRELATION_ID)
}

#[track_caller]
fn check_echo(row: &str, answer: &Response, (request_id, correlation_id): (&str, &str)) {
    for (name, value) in [(request_id, REQUEST_ID), (correlation_id, CORRELATION_ID)] {
        let mut echoed: Vec<_> = answer.headers.clone();
        echoed.retain(|(known, _)| known.eq_ignore_ascii_case(name));
        assert_eq!(echoed, [(name.to_owned(), value.to_owned())], "{row}, {}", answer.status);
    }
}

#[rstest]
#[actix_web::test]
async fn request_and_correlation_ids_are_echoed_on_success(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for spelling in SPELLINGS {
        let app = TestApp::strict(backend).await;
        for (operation, request) in all(ACCESS_REQUEST) {
            let answer = app.send(spelt(&request, spelling)).await;
            assert!((200..300).contains(&answer.status), "{operation}: {}", answer.status);
            check_echo(operation, &answer, spelling);
        }
    }
}

/// A request for each status of a fault; the callers are those of [`guarded`].
fn faults() -> Vec<(u16, Request)> {
    let role = consent(MOTHERS_ROLE);
    let nurse = |request: Request| request.bearer(NURSE);
    let duplicate = bodies::consent(MOTHER, CHILD);
    let status = serde_json::json!([{ "op": "replace", "path": "/status", "value": "asleep" }]);
    vec![
        (400, nurse(get("/Consent"))),
        (400, nurse(get("/QuestionnaireResponse/1"))),
        (400, nurse(post("/Consent", &serde_json::json!({})))),
        (401, get(&role)),
        (403, post("/Consent", &duplicate).bearer(&citizen(MOTHER))),
        (404, nurse(get(&consent(NO_SUCH_ID)))),
        (404, nurse(get("/Patient"))),
        (405, nurse(request("DELETE", &role))),
        (405, nurse(get("/QuestionnaireResponse"))),
        (409, nurse(post("/Consent", &duplicate))),
        (415, nurse(request("POST", "/Consent").header("Content-Type", "text/plain").body("x"))),
        (422, nurse(get(&format!("/Consent?performer:identifier={MOTHER}&status=asleep")))),
        (422, nurse(patch(&role, &status))),
    ]
}

#[rstest]
#[actix_web::test]
async fn request_and_correlation_ids_are_echoed_on_every_error(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    for (status, request) in faults() {
        for spelling in SPELLINGS {
            let answer = app.send(spelt(&request, spelling)).await;
            assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
            check_echo("fault", &answer, spelling);
        }
    }
}

#[rstest]
#[actix_web::test]
async fn request_and_correlation_ids_are_echoed_on_429(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut options = guarded_options();
    options.limits.requests_per_minute = 1;
    let app = TestApp::start(backend, Options { is_seeded: false, ..options }).await;
    let request = get("/Consent").bearer(NURSE);
    assert_eq!(app.send(request.clone()).await.status, 400);
    for spelling in SPELLINGS {
        let answer = app.send(spelt(&request, spelling)).await;
        assert_eq!(answer.status, 429);
        check_echo("too many", &answer, spelling);
    }
}

/// "Canonicalised" or not, a caller finds what they sent even when it is that which is wrong.
#[rstest]
#[actix_web::test]
async fn rejected_request_id_is_echoed(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    for name in ["X-Request-ID", "x-correlation-id"] {
        let request = get(&consent(MOTHERS_ROLE)).without(name).header(name, "not-a-uuid");
        let answer = app.send(request).await;
        assert_eq!(answer.status, 400, "{name}");
        assert!(answer.headers.contains(&(name.to_owned(), "not-a-uuid".to_owned())), "{name}");
    }
}

#[rstest]
#[actix_web::test]
async fn missing_request_id_is_not_generated(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let answer = app.send(get(&consent(MOTHERS_ROLE))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("X-Correlation-ID"), None);
    let answer = app.send(get(&consent(MOTHERS_ROLE)).without("X-Request-ID")).await;
    assert_eq!((answer.status, answer.header("X-Request-ID")), (400, None));
}
