//! Contract §2.3, "gateway checks come first": token, rate limit, content type, access mode, then the
//! operation's own checks from the headers on. Each request breaks two neighbours; the earlier one is
//! reported.

use rstest::rstest;
use serde_json::json;

use crate::support::{Backend, Options, Request, TestApp};
use crate::vrs::callers::{NURSE, SYSTEM, citizen, guarded, guarded_options};
use crate::vrs::expected_error::{
    ExpectedError, access_denied, coded, forbidden, invalid_value, method_not_allowed, missing_header,
    unsupported_media_type,
};
use crate::vrs::known::{ACTIVE, MOTHER, consent};
use crate::vrs::operations::{get, patch, post, request};

fn as_text(request: Request) -> Request {
    request.without("Content-Type").header("Content-Type", "text/plain")
}

fn rows() -> Vec<(&'static str, Request, ExpectedError)> {
    let create = || post("/Consent", &json!({ "resourceType": "Nonsense" }));
    let apply = || post("/QuestionnaireResponse", &json!({}));
    let mother = citizen(MOTHER);
    let search = || get("/RelatedPerson?identifier=1");
    vec![
        ("token before content type", as_text(create()).bearer("nobody"), access_denied()),
        ("token before headers", create().without("X-Request-ID"), access_denied()),
        ("token before method", request("DELETE", "/Consent"), access_denied()),
        ("token before path", get("/Nowhere"), access_denied()),
        ("content type before mode, #5", as_text(create()).bearer(&mother), unsupported_media_type()),
        ("content type before mode, #1", as_text(apply()).bearer(NURSE), unsupported_media_type()),
        (
            "content type before headers",
            as_text(create()).bearer(NURSE).without("X-Request-ID"),
            unsupported_media_type(),
        ),
        ("mode before headers, #5", create().bearer(&mother).without("X-Request-ID"), forbidden()),
        ("mode before headers, #1", apply().bearer(SYSTEM).without("X-Request-ID"), forbidden()),
        ("mode before headers, #3", search().bearer(SYSTEM).without("X-Request-ID"), forbidden()),
        ("mode before body, #5", create().bearer(&mother), forbidden()),
        ("mode before parameters, #3", search().bearer(SYSTEM), forbidden()),
        (
            "headers before parameters, #4",
            get("/Consent").without("X-Request-ID").bearer(NURSE),
            missing_header(),
        ),
        (
            "headers before parameters, #3",
            get("/RelatedPerson").bearer(NURSE).header("X-Correlation-ID", "1"),
            invalid_value(),
        ),
        ("headers before id, #6", get("/Consent/1").without("X-Request-ID").bearer(NURSE), missing_header()),
        (
            "headers before id, #2",
            get("/QuestionnaireResponse/1").without("X-Request-ID").bearer(NURSE),
            missing_header(),
        ),
        ("headers before body, #5", create().without("X-Request-ID").bearer(NURSE), missing_header()),
        ("headers before body, #1", apply().without("X-Request-ID").bearer(&mother), missing_header()),
        (
            "headers before lookup, #7",
            patch(&consent("1"), &json!({})).without("X-Request-ID").bearer(NURSE),
            missing_header(),
        ),
        (
            "request id before correlation id",
            get("/Consent").without("X-Request-ID").header("X-Correlation-ID", "1").bearer(NURSE),
            missing_header(),
        ),
        (
            "method before headers",
            request("PUT", "/Consent").without("X-Request-ID").bearer(NURSE),
            method_not_allowed(),
        ),
    ]
}

#[rstest]
#[actix_web::test]
async fn gateway_reports_the_first_failed_check(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    for (row, request, expected) in rows() {
        expected.check(row, &app.send(request).await);
    }
}

#[rstest]
#[actix_web::test]
async fn rate_limit_429_is_checked_after_the_token(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut options = guarded_options();
    options.limits.requests_per_minute = 1;
    let app = TestApp::start(backend, Options { is_seeded: false, ..options }).await;
    let mother = citizen(MOTHER);
    assert_eq!(app.send(get("/Consent").bearer(&mother)).await.status, 400, "the first is let in");
    let create = || post("/Consent", &json!({}));
    let rows = [
        ("before content type", as_text(create()).bearer(&mother)),
        ("before mode", create().bearer(&mother)),
        ("before headers", get("/Consent").without("X-Request-ID").bearer(&mother)),
        ("before method", request("PUT", "/Consent").bearer(&mother)),
        ("before path", get("/Nowhere").bearer(&mother)),
    ];
    for (row, request) in rows {
        let answer = app.send(request).await;
        coded(429, "THROTTLED").check(row, &answer);
        let wait = answer.header("Retry-After").and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(wait.is_some_and(|seconds| (1..=61).contains(&seconds)), "{row}: {wait:?}");
    }
    access_denied().check("after the token", &app.send(get("/Consent").bearer("nobody")).await);
    let other = app.send(get("/Consent").bearer(NURSE)).await;
    assert_eq!(other.status, 400, "each caller has a limit of their own");
    let health = app.send(Request::new("GET", "/validated-relationships/_ping")).await;
    assert_eq!(health.status, 200, "health has none");
    assert_eq!(app.send(patch(&consent(ACTIVE), &json!([])).bearer(SYSTEM)).await.status, 404);
}
