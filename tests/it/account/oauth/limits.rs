//! How often one may ask where nobody is known yet.

use rstest::rstest;

use super::kit::{SECRET, TOKEN, apps, basic, post};
use crate::support::{Backend, Options, Request, Response, TestApp};

async fn limited(backend: Backend, of_app: u32, of_address: u32) -> TestApp {
    let mut options =
        Options { registrations: apps(), address_header: Some("X-Forwarded-For"), ..Options::default() };
    options.limits.requests_per_minute = of_app;
    options.limits.log_in_requests_per_minute = of_address;
    TestApp::start(backend, options).await
}

fn from(request: Request, address: &str) -> Request {
    request.header("X-Forwarded-For", address)
}

#[track_caller]
fn assert_throttled(answer: &Response) {
    assert_eq!(answer.status, 429);
    let seconds: u64 = answer.header("retry-after").expect("when to come back").parse().unwrap();
    assert!((1..=61).contains(&seconds));
}

#[rstest]
#[actix_rt::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values("token", "introspect", "revoke", "par", "register", "authorize", "callback/x")] endpoint: &str,
) {
    let server = limited(backend, 0, 2).await;
    let path = format!("/oauth/{endpoint}");
    let ask = |address: &'static str| {
        let request = if ["authorize", "callback/x"].contains(&endpoint) {
            Request::new("GET", &path)
        } else {
            post(&path, &[("token", "x")])
        };
        server.send(from(request, address))
    };
    for _ in 0..2 {
        let status = ask("203.0.113.7").await.status;
        assert!((400..429).contains(&status), "{status}");
    }
    let (grants, log_ins) = (server.count_rows("grants"), server.count_rows("log_ins"));
    let refused = ask("203.0.113.7").await;
    assert_throttled(&refused);
    if endpoint == "token" {
        assert_eq!(refused.json()["error"], "temporarily_unavailable");
    }
    assert_eq!((server.count_rows("grants"), server.count_rows("log_ins")), (grants, log_ins));
    // Another address is another. What somebody writes before the proxy's own word changes nothing.
    assert_ne!(ask("203.0.113.8").await.status, 429);
    assert_throttled(&ask("198.51.100.1, 203.0.113.7").await);
    // What is read without being known, and costs nothing, goes on.
    let keys = from(Request::new("GET", "/oauth/jwks"), "203.0.113.7");
    assert_eq!(server.send(keys).await.status, 200);
}

#[rstest]
#[actix_rt::test]
async fn an_app_that_has_proved_itself_is_counted_and_a_name_alone_is_not(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = limited(backend, 2, 0).await;
    let ask = |secret: &'static str| {
        server.send(basic(
            post(TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", "x")]),
            "web",
            secret,
        ))
    };
    for _ in 0..5 {
        assert_eq!(ask("wrong").await.status, 401, "nobody uses up what is another's");
    }
    for _ in 0..2 {
        assert_eq!(ask(SECRET).await.status, 400);
    }
    assert_throttled(&ask(SECRET).await);
    let public = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", "portal")];
    for _ in 0..4 {
        assert_eq!(server.send(post(TOKEN, &public)).await.status, 400);
    }
}
