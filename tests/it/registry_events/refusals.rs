//! Callers that may not send registry events, and invalid events: refused with the attribute at fault, and
//! nothing changes.

use domain::account::Principal;
use rstest::rstest;
use serde_json::{Value, json};

use super::{DEATH, MOVED, NUMBER, event, post, send};
use crate::support::{Backend, Options, Request, TestApp, token};
use crate::vrs::callers::{NURSE, SYSTEM, citizen, guarded_options};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, MOTHER};

#[rstest]
#[actix_web::test]
async fn registry_events_are_accepted_from_configured_systems_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::start(backend, guarded_options()).await;
    let mut footprint = Footprint::of(&app);
    let event = event(DEATH, LONER, 20);
    let anonymous = app.send(post(&event)).await;
    assert_eq!(
        (anonymous.status, anonymous.header("www-authenticate")),
        (401, Some("Bearer realm=\"OnBehalf\""))
    );
    assert_eq!(app.send(post(&event).bearer("nonsense")).await.status, 401);
    for token in [NURSE, SYSTEM, &citizen(MOTHER)] {
        assert_eq!(app.send(post(&event).bearer(token)).await.status, 403, "{token}");
    }
    footprint.check_untouched("refused");
    assert_eq!(app.count_rows("inbound_events"), 0);
    assert_eq!(app.count_rows("audit_records WHERE outcome = '4' AND subject = 'CloudEvent'"), 3);

    let named = Options { events_from: vec!["record system".to_owned()], ..guarded_options() };
    let app = TestApp::start(backend, named).await;
    assert_eq!(app.send(post(&event).bearer(SYSTEM)).await.status, 200);
    assert_eq!(app.send(post(&event).bearer(NURSE)).await.status, 403);
}

#[rstest]
#[actix_web::test]
async fn registry_events_require_the_scope_and_mode_system(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app =
        TestApp::start(backend, Options { registrations: vec![token::registration()], ..guarded_options() })
            .await;
    let event = event(DEATH, LONER, 20);
    let system = Principal::System { name: "registry".to_owned() };
    let nurse = Principal::Staff { name: "nurse".to_owned(), organisation: None };
    for (principal, scope, status) in [
        (&system, "system/*.cruds", 403),
        (&nurse, "registry-events", 403),
        (&system, "registry-events", 200),
    ] {
        let token = app.token(principal, scope).await;
        assert_eq!(app.send(post(&event).bearer(&token)).await.status, status, "{scope}");
    }
}

type Change = fn(&mut Value);

#[rstest]
#[actix_web::test]
async fn invalid_registry_event_is_400_with_the_attribute(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let wrongs: [(&str, &str, Change); 17] = [
        (DEATH, "specversion", |it| it["specversion"] = "0.3".into()),
        (DEATH, "id", |it| it["id"] = "".into()),
        (DEATH, "id", |it| it["id"] = 7.into()),
        (DEATH, "id", |it| it["id"] = "x".repeat(257).into()),
        (DEATH, "source", |it| drop(it.as_object_mut().unwrap().remove("source"))),
        (DEATH, "type", |it| it["type"] = json!(["a"])),
        (DEATH, "time", |it| it["time"] = "yesterday".into()),
        (DEATH, "time", |it| it["time"] = "2026-11-23T12:00:00Z".into()),
        (DEATH, "time", |it| drop(it.as_object_mut().unwrap().remove("time"))),
        (DEATH, "subject", |it| it["subject"] = "9000000010".into()),
        (DEATH, "subject", |it| drop(it.as_object_mut().unwrap().remove("subject"))),
        (NUMBER, "data.newNhsNumber", |_| ()),
        (NUMBER, "data.newNhsNumber", |it| it["data"] = json!({ "newNhsNumber": LONER })),
        (NUMBER, "data.reason", |it| it["data"] = json!({ "reason": "marriage" })),
        (MOVED, "data.generalPractitioner", |_| ()),
        (MOVED, "data.generalPractitioner", |it| it["data"] = json!({ "generalPractitioner": "BAD" })),
        (MOVED, "data.generalPractitioner", |it| it["data"] = "A20047".into()),
    ];
    for (kind, names, change) in wrongs {
        let mut event = event(kind, LONER, 20);
        change(&mut event);
        let answer = send(&app, &event).await;
        let content = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.status, 400, "{event}: {content}");
        assert!(content.starts_with(&format!("{names} ")), "{event}: {content}");
        assert!(!content.contains(LONER), "{content}");
    }
    footprint.check_untouched("refused");
    assert_eq!(app.count_rows("inbound_events"), 0);
}

#[rstest]
#[actix_web::test]
async fn no_registry_event_body_is_500(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let structured = |body: &[u8]| {
        let request = Request::new("POST", "/events").header("Content-Type", "application/cloudevents+json");
        request.bytes(body.to_vec())
    };
    for body in [
        &b""[..],
        b"{",
        b"[1]",
        b"null",
        b"\"x\"",
        b"{\"id\":\"1\",\"id\":\"2\"}",
        b"\xff\xfe",
        b"{\"specversion\":\"1.0\",\"id\":\"\\u0000\"}",
    ] {
        let answer = app.send(structured(body)).await;
        assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(body));
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    assert_eq!(app.send(structured("[".repeat(10_000).as_bytes())).await.status, 400);
    assert_eq!(app.send(structured(&vec![b' '; 2_000_000])).await.status, 413);
    let plain = Request::new("POST", "/events").header("Content-Type", "text/plain").body("hello");
    assert_eq!(app.send(plain).await.status, 415);
    assert_eq!(app.send(Request::new("POST", "/events")).await.status, 415);
    let read = app.send(Request::new("GET", "/events")).await;
    assert_eq!((read.status, read.header("allow")), (405, Some("POST")));
    let twice =
        Request::new("POST", "/events").header("ce-specversion", "1.0").header("ce-specversion", "1.0");
    assert_eq!(app.send(twice).await.json()["detail"], "specversion must occur once, in ASCII");
}

// SEC-24.
#[rstest]
#[actix_web::test]
async fn subscription_delivery_to_the_registry_endpoint_is_rejected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut footprint = Footprint::of(&app);
    let event = event(DEATH, LONER, 20);
    let refused = app.send(post(&event).header("OnBehalf-Delivery", "1")).await;
    assert_eq!(refused.status, 403);
    footprint.check_untouched("a delivery");
    assert_eq!(app.count_rows("inbound_events"), 0);
    assert_eq!(send(&app, &event).await.status, 200);
}
