//! Refusals that do not depend on resources.

use rstest::rstest;
use serde_json::json;

use crate::fhir::bodies::role;
use crate::fhir::client::{get, outcome_of, post, request, send};
use crate::support::{Backend, Options, TestApp};
use crate::vrs::callers::{NURSE, SYSTEM, citizen, guarded, guarded_options};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACTIVE, LONER, MOTHER, MOTHERS_ROLE, PATIENTS};

// covers G-16, G-17
#[rstest]
#[actix_web::test]
async fn missing_or_unknown_token_is_401(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    let mut footprint = Footprint::of(&app);
    let role_of_hers = format!("/Consent/{MOTHERS_ROLE}");
    for request in [
        get(&role_of_hers),
        get(&format!("{role_of_hers}/_history/1")),
        get("/Consent"),
        get("/_history"),
        get("/Nowhere"),
        get(""),
        request("DELETE", &role_of_hers),
        post("/Consent", &role(LONER, PATIENTS[0])),
        post("", &json!({ "resourceType": "Bundle", "type": "batch" })),
        post("/Consent/$validate", &role(LONER, PATIENTS[0])),
    ] {
        for shown in
            [None, Some("Bearer nobody"), Some("Bearer"), Some("Basic eDp5"), Some("token-of-a-nurse")]
        {
            let request = match shown {
                Some(value) => request.clone().header("Authorization", value),
                None => request.clone(),
            };
            let answer = send(&app, request).await;
            let (status, code, _) = outcome_of(&answer);
            assert_eq!((status, code.as_str()), (401, "login"));
            let asked = answer.header("www-authenticate").expect("a challenge");
            assert!(asked.starts_with("Bearer "), "{asked}");
        }
    }
    footprint.check_untouched("all of them");
    for token in [NURSE, SYSTEM, &citizen(MOTHER)] {
        assert_eq!(send(&app, get(&role_of_hers).bearer(token)).await.status, 200);
    }
}

// covers G-16
#[rstest]
#[actix_web::test]
async fn forbidden_is_403_and_hidden_is_404(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    let mut footprint = Footprint::of(&app);
    let create = post("/Consent", &role(MOTHER, PATIENTS[0])).bearer(&citizen(MOTHER));
    let (status, code, _) = outcome_of(&send(&app, create).await);
    assert_eq!((status, code.as_str()), (403, "forbidden"));
    let hidden = send(&app, get(&format!("/Consent/{ACTIVE}")).bearer(&citizen(MOTHER))).await;
    let absent = send(&app, get("/Consent/none").bearer(&citizen(MOTHER))).await;
    assert_eq!((hidden.status, hidden.json()), (absent.status, absent.json()));
    footprint.check_untouched("refused");
}

// covers G-17, G-18
#[rstest]
#[actix_web::test]
async fn rate_limited_request_is_429_with_retry_after(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut options = guarded_options();
    options.limits.requests_per_minute = 1;
    let app = TestApp::start(backend, Options { is_seeded: false, ..options }).await;
    assert_eq!(send(&app, get("/Consent").bearer(NURSE)).await.status, 200);
    for path in ["/Consent", "/Nowhere", "/Consent/1", "/_history"] {
        let answer = send(&app, get(path).bearer(NURSE)).await;
        let (status, code, _) = outcome_of(&answer);
        assert_eq!((status, code.as_str()), (429, "throttled"), "{path}");
        let wait = answer.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(wait.is_some_and(|seconds| (1..=61).contains(&seconds)), "{path}: {wait:?}");
    }
    assert_eq!(send(&app, get("/metadata")).await.status, 200);
    assert_eq!(send(&app, get("/Consent").bearer(SYSTEM)).await.status, 200, "each has a limit of their own");
}

// covers G-17, B-10
#[rstest]
#[actix_web::test]
async fn too_large_body_is_413_and_too_deep_body_is_400(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut options = Options::default();
    options.limits.body_bytes = 4096;
    let app = TestApp::start(backend, options).await;
    let mut footprint = Footprint::of(&app);
    let mut large = role(LONER, PATIENTS[0]);
    large["language"] = "x".repeat(5000).into();
    for path in ["/Consent", "", "/Consent/$validate"] {
        let (status, code, _) = outcome_of(&send(&app, post(path, &large)).await);
        assert_eq!((status, code.as_str()), (413, "too-long"), "{path}");
    }
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let answer = send(&app, post("/Consent", &json!(null)).body(deep)).await;
    assert_eq!(outcome_of(&answer).0, 400);
    footprint.check_untouched("refused");
}

// covers G-18, G-02
#[rstest]
#[actix_web::test]
async fn unsupported_method_is_405_with_allow(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let all = "GET, HEAD, POST, PUT, PATCH";
    for (method, path, allow) in [
        ("DELETE", "", "GET, HEAD, POST"),
        ("PUT", "", "GET, HEAD, POST"),
        ("POST", "/metadata", "GET, HEAD"),
        ("POST", "/_history", "GET, HEAD"),
        ("GET", "/_search", "POST"),
        ("DELETE", "/Consent", all),
        ("GET", "/Consent/_search", "POST"),
        ("GET", "/Consent/$validate", "POST"),
        ("POST", "/Consent/_history", "GET, HEAD"),
        ("POST", "/Consent/1", "GET, HEAD, PUT, PATCH"),
        ("DELETE", "/Consent/1/_history", "GET, HEAD"),
        ("DELETE", "/Consent/1/_history/1", "GET, HEAD"),
        ("PUT", "/Consent/1/_history/1", "GET, HEAD"),
        ("PUT", "/Patient/9000000009/$everything", "GET, HEAD, POST"),
        ("POST", "/Patient/9000000009/Consent", "GET, HEAD"),
        ("POST", "/Patient", "GET, HEAD"),
        ("TRACE", "/Consent/1", "GET, HEAD, PUT, PATCH"),
        ("LOCK", "/Consent/1", "GET, HEAD, PUT, PATCH"),
    ] {
        let answer = send(&app, request(method, path)).await;
        let (status, code, _) = outcome_of(&answer);
        assert_eq!((status, code.as_str()), (405, "not-supported"), "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}
