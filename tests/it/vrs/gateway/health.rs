//! Contract §1.1 "Health": `_ping` and `_status`.

use rstest::rstest;
use serde_json::Value;

use crate::support::{Backend, Request, Response};
use crate::vrs::callers::guarded;
use crate::vrs::expected_error::{access_denied, method_not_allowed};

const PING: &str = "/validated-relationships/_ping";
const STATUS: &str = "/validated-relationships/_status";
const VERSIONS: [&str; 4] = ["version", "revision", "releaseId", "commitId"];

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys
}

fn sorted<const N: usize>(mut names: [&str; N]) -> Vec<&str> {
    names.sort_unstable();
    names.to_vec()
}

#[track_caller]
fn check_versions(answer: &Value) {
    for name in VERSIONS {
        assert!(answer[name].as_str().is_some_and(|text| !text.is_empty()), "{name} in {answer}");
    }
}

#[track_caller]
fn check_is_plain_json(answer: &Response) {
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
}

#[rstest]
#[actix_web::test]
async fn ping_returns_the_version_without_authentication(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let answer = app.send(Request::new("GET", PING)).await;
    check_is_plain_json(&answer);
    assert_eq!(keys(&answer.json()), sorted(VERSIONS));
    check_versions(&answer.json());
}

#[rstest]
#[actix_web::test]
async fn status_with_the_key_reports_health(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    let answer = app.send(Request::new("GET", STATUS).header("apikey", "test-key")).await;
    check_is_plain_json(&answer);
    let status = answer.json();
    assert_eq!(keys(&status), sorted(["status", "checks", "version", "revision", "releaseId", "commitId"]));
    check_versions(&status);
    assert_eq!(status["status"], "pass");
    assert_eq!(keys(&status["checks"]), ["healthcheck"]);
    let check = &status["checks"]["healthcheck"];
    assert_eq!(keys(check), sorted(["status", "timeout", "responseCode", "outcome", "links"]));
    assert_eq!(check["status"], "pass");
    assert_eq!(check["timeout"], "false");
    assert_eq!(check["responseCode"], 200);
    assert!(check["links"]["self"].is_string());
}

#[rstest]
#[actix_web::test]
async fn health_head_has_no_body(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    for path in [PING, STATUS] {
        let ask = |method: &str| Request::new(method, path).header("apikey", "test-key");
        let (head, get) = (app.send(ask("HEAD")).await, app.send(ask("GET")).await);
        check_is_plain_json(&head);
        assert!(head.body.is_empty(), "{path}");
        assert_eq!(head.header("Content-Length"), get.header("Content-Length"), "{path}");
    }
}

#[rstest]
#[actix_web::test]
async fn status_is_denied_without_the_key(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    for key in [None, Some(""), Some("wrong"), Some("TEST-KEY"), Some("test-key ,test-key")] {
        let mut request = Request::new("GET", STATUS);
        if let Some(key) = key {
            request = request.header("apikey", key);
        }
        access_denied().check(&format!("{key:?}"), &app.send(request).await);
    }
    let head = app.send(Request::new("HEAD", STATUS).header("apikey", "wrong")).await;
    assert_eq!(head.status, 401);
}

#[rstest]
#[actix_web::test]
async fn health_post_is_405(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    for path in [PING, STATUS] {
        let answer = app.send(Request::new("POST", path).header("apikey", "test-key")).await;
        method_not_allowed().check(path, &answer);
    }
}
