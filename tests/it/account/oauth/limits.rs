//! Rate limits of unauthenticated requests.

use std::time::{Duration, Instant};

use rstest::rstest;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::kit::{SECRET, TOKEN, apps, basic, post};
use crate::support::{Backend, Options, Request, Response, TestApp, send_bytes};

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
async fn address_over_the_rate_limit_is_429_with_retry_after(
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
        // A browser app can read `Retry-After`.
        assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!((server.count_rows("grants"), server.count_rows("log_ins")), (grants, log_ins));
    // Another address has its own limit. Values that a client adds before the proxy's own change nothing.
    assert_ne!(ask("203.0.113.8").await.status, 429);
    assert_throttled(&ask("198.51.100.1, 203.0.113.7").await);
    // Unauthenticated reads that cost nothing stay allowed.
    let keys = from(Request::new("GET", "/oauth/jwks"), "203.0.113.7");
    assert_eq!(server.send(keys).await.status, 200);
}

#[rstest]
#[actix_rt::test]
async fn rate_limit_counts_authenticated_clients_only(
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
        assert_eq!(ask("wrong").await.status, 401, "wrong secrets use up no limit of the app");
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

// SEC-15.
#[rstest]
#[actix_rt::test]
async fn incomplete_unauthenticated_bodies_do_not_delay_others(#[values(Backend::Sqlite)] backend: Backend) {
    let server = limited(backend, 0, 0).await;
    let mut held: Vec<TcpStream> = Vec::new();
    for (path, length, sent) in [(TOKEN, 65_000, 17_000), ("/oauth/par", 8_000, 4_000)] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        for _ in 0..400 {
            let mut stream = TcpStream::connect(server.address).await.expect("a connection");
            stream.write_all(head.as_bytes()).await.expect("it is sent");
            // A request that is refused by its length may be closed before it was sent.
            let _sent = stream.write_all("a".repeat(sent).as_bytes()).await;
            held.push(stream);
        }
    }
    let bundle = serde_json::json!({
        "resourceType": "Bundle", "type": "batch", "id": "b".repeat(20_000), "entry": [],
    });
    let begun = Instant::now();
    let answer = server.send(Request::post("/FHIR/R4", bundle)).await;
    assert!(answer.status < 500, "{}", answer.status);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    drop(held);
}

// SEC-15.
#[rstest]
#[actix_rt::test]
async fn stalled_body_is_408(#[values(Backend::Sqlite)] backend: Backend) {
    let server = limited(backend, 0, 0).await;
    let begun = Instant::now();
    let head = "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Content-Length: 100\r\n\r\ngrant_type=";
    let answer = send_bytes(server.address, head.as_bytes()).await.expect("an answer");
    assert_eq!(answer.status, 408);
    assert!((4..15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}
