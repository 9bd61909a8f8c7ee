//! The operations on subscriptions.

use domain::event::DeliveryFailure;
use rstest::rstest;
use serde_json::{Value, json};
use service::event::channel::sender::SendResult;
use service::event::take_binding;
use uuid::Uuid;

use super::{activate, backport, classic, heard, id_of, kept, subscribe};
use crate::fhir::bodies::role;
use crate::fhir::client::{entries, get, outcome_of, post, request, send, send_well};
use crate::support::{Backend, TestApp};
use crate::vrs::known::{LONER, PATIENTS};

fn parameter<'v>(parameters: &'v Value, name: &str) -> &'v Value {
    let all = parameters["parameter"].as_array().expect("parameters");
    all.iter().find(|one| one["name"] == name).unwrap_or(&Value::Null)
}

/// The event numbers in a Bundle.
fn numbers(bundle: &Value) -> Vec<String> {
    let all = entries(bundle)[0]["parameter"].as_array().expect("parameters").clone();
    let events = all.iter().filter(|one| one["name"] == "notification-event");
    events.map(|one| one["part"][0]["valueString"].as_str().expect("a number").to_owned()).collect()
}

/// Roles that are created one after the other.
async fn happen(app: &TestApp, count: usize) {
    for patient in &PATIENTS[..count] {
        send_well(app, post("/Consent", &role(LONER, patient)), 201).await;
    }
}

/// Kit 5.01, and what it leaves out: the operation on the type.
// covers N-13
#[rstest]
#[actix_web::test]
async fn status_operation_filters_by_id_and_status(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut ids = Vec::new();
    for topic in ["proxy-role", "proxy-role-changed", "proxy-role-deleted"] {
        ids.push(id_of(&subscribe(&app, &backport(topic, "id-only", &[])).await));
    }
    activate(&app, &ids[0]).await;
    for (query, total) in [
        (String::new(), 3),
        (format!("?id={}", ids[1]), 1),
        (format!("?id={}&id=Subscription/{}", ids[1], ids[2]), 2),
        (format!("?id={},{}", ids[0], ids[1]), 2),
        ("?status=active".to_owned(), 1),
        ("?status=active&status=requested".to_owned(), 3),
        (format!("?status=active&id={}", ids[1]), 0),
    ] {
        for method in ["GET", "POST"] {
            let bundle =
                send_well(&app, request(method, &format!("/Subscription/$status{query}")), 200).await;
            assert_eq!((&bundle["type"], &bundle["total"]), (&json!("searchset"), &json!(total)), "{query}");
        }
    }
    let asked = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "id", "valueId": ids[0] }, { "name": "status", "valueCode": "active" },
    ] });
    assert_eq!(send_well(&app, post("/Subscription/$status", &asked), 200).await["total"], 1);
    let one = send_well(&app, get(&format!("/Subscription/{}/$status?status=off", ids[0])), 200).await;
    assert_eq!(one["total"], 1, "at one subscription the inputs are ignored");
    assert_eq!(outcome_of(&send(&app, get("/Subscription/$status?status=asleep")).await).0, 400);
}

// covers N-14, N-36
#[rstest]
#[actix_web::test]
async fn events_operation_returns_events_between_two_numbers_inclusive(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let id = id_of(&subscribe(&app, &backport("proxy-role", "id-only", &[])).await);
    happen(&app, 4).await;
    assert_eq!(heard(&app, &id).await.len(), 4);
    let path = format!("/Subscription/{id}/$events");
    for (query, expected) in [
        ("", &["1", "2", "3", "4"][..]),
        ("?eventsSinceNumber=3", &["3", "4"]),
        ("?eventsSinceNumber=2&eventsUntilNumber=3", &["2", "3"]),
        ("?eventsUntilNumber=1", &["1"]),
        ("?eventsSinceNumber=5", &[]),
    ] {
        let bundle = send_well(&app, get(&format!("{path}{query}")), 200).await;
        assert_eq!(
            (&bundle["type"], numbers(&bundle)),
            (&json!("history"), expected.iter().map(ToString::to_string).collect())
        );
        let status = &entries(&bundle)[0];
        assert_eq!(parameter(status, "type")["valueCode"], "query-event");
        assert_eq!(parameter(status, "events-since-subscription-start")["valueString"], "4");
        assert_eq!(bundle["entry"][0]["response"].get("outcome"), None, "{query}");
    }
    let asked = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "eventsSinceNumber", "valueString": "4" }, { "name": "content", "valueCode": "full-resource" },
    ] });
    let whole = send_well(&app, post(&path, &asked), 200).await;
    let event = parameter(&entries(&whole)[0], "notification-event").clone();
    assert_eq!(event["part"][1]["valueInstant"], "2026-11-22T12:00:00Z");
    assert_eq!(entries(&whole)[1]["resourceType"], "Consent");
    for query in ["?eventsSinceNumber=x", "?eventsSinceNumber=3&eventsUntilNumber=2", "?content=much"] {
        assert_eq!(outcome_of(&send(&app, get(&format!("{path}{query}"))).await).0, 400, "{query}");
    }
    // Events that are no longer stored are reported as missing.
    crate::support::sql::execute(&app.database_url(), "DELETE FROM subscription_events WHERE number < 3");
    let bundle = send_well(&app, get(&path), 200).await;
    assert_eq!(numbers(&bundle), ["3", "4"]);
    let issue = &bundle["entry"][0]["response"]["outcome"]["issue"][0];
    assert_eq!((&issue["severity"], &issue["code"]), (&json!("warning"), &json!("incomplete")));
    assert_eq!(issue["diagnostics"], "Events 1 to 2 are no longer kept.");
}

// covers N-16
#[rstest]
#[actix_web::test]
async fn resend_operation_keeps_event_numbers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let id = id_of(&subscribe(&app, &backport("proxy-role", "id-only", &[])).await);
    happen(&app, 4).await;
    heard(&app, &id).await;
    let path = format!("/Subscription/{id}/$resend");
    let refused = send(&app, request("POST", &format!("{path}?eventsSinceNumber=1"))).await;
    assert_eq!(outcome_of(&refused).0, 422, "nothing is sent before it is active");
    activate(&app, &id).await;
    assert_eq!(outcome_of(&send(&app, request("POST", &path)).await).0, 400);
    let uuid = Uuid::parse_str(&id).expect("an id");
    for (query, expected) in [
        ("eventsSinceNumber=9", None),
        ("eventsSinceNumber=3", Some((3, 4))),
        ("eventsSinceNumber=2&eventsUntilNumber=2", Some((2, 4))),
        ("eventsSinceInstant=2026-11-22T12:00:00Z&eventsUntilInstant=2026-11-22T12:00:00Z", Some((1, 4))),
    ] {
        let answer = send_well(&app, request("POST", &format!("{path}?{query}")), 200).await;
        assert_eq!(answer["resourceType"], "OperationOutcome");
        let delivery = app.look(move |tx| tx.find_delivery(uuid)).await.expect("a delivery");
        assert_eq!(delivery.resend, expected, "{query}");
    }
}

// covers N-15
#[rstest]
#[actix_web::test]
async fn binding_token_is_single_use_and_short_lived(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut body = backport("proxy-role", "id-only", &[]);
    body["channel"] = json!({
        "type": "websocket",
        "payload": "application/fhir+json",
        "_payload": body["channel"]["_payload"],
    });
    let id = id_of(&subscribe(&app, &body).await);
    let other = id_of(&subscribe(&app, &classic("Consent?status=active", None)).await);
    let path = format!("/Subscription/{id}/$get-ws-binding-token");
    let answer = send(&app, request("POST", &path)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let answer = answer.json();
    assert_eq!(parameter(&answer, "subscription")["valueString"], id.as_str());
    assert_eq!(parameter(&answer, "expiration")["valueDateTime"], "2026-11-22T12:05:00Z");
    let url = parameter(&answer, "websocket-url")["valueUrl"].as_str().expect("a URL");
    assert_eq!(url, format!("ws://{}/FHIR/R4/$subscription-ws", app.address));
    let token = parameter(&answer, "token")["valueString"].as_str().expect("a token").to_owned();
    let kept = crate::support::sql::values(&app.database_url(), "SELECT digest AS value FROM binding_tokens");
    assert!(kept.iter().all(|digest| !digest.contains(&token)));
    for expected in [1, 0] {
        let (clock, token) = (app.clock.clone(), token.clone());
        let taken = app.store.write(move |tx| take_binding(tx, &*clock, &token)).await.expect("an answer");
        assert_eq!(taken.map_or(0, |(_, ids)| ids.len()), expected, "a token is good once");
    }
    let of_type = format!("/Subscription/$get-ws-binding-token?id={id}");
    assert_eq!(send(&app, get(&of_type)).await.status, 200);
    for (path, status) in [
        (format!("/Subscription/{other}/$get-ws-binding-token"), 422),
        ("/Subscription/$get-ws-binding-token".to_owned(), 400),
        (format!("/Subscription/$get-ws-binding-token?id={id}&id=none"), 404),
    ] {
        assert_eq!(outcome_of(&send(&app, request("POST", &path)).await).0, status, "{path}");
    }
}

// covers N-35, N-37
#[rstest]
#[actix_web::test]
async fn secret_operation_returns_and_rotates_the_secret(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let id = id_of(&subscribe(&app, &backport("proxy-role", "id-only", &[])).await);
    let read = format!("/Subscription/{id}/$secret");
    let answer = send(&app, get(&read)).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let first = parameter(&answer.json(), "secret")["valueString"].as_str().expect("a secret").to_owned();
    assert!(first.starts_with("whsec_") && first.len() == 6 + 44, "{first}");
    let rotated = send_well(&app, request("POST", &format!("/Subscription/{id}/$rotate-secret")), 200).await;
    assert_eq!(parameter(&rotated, "formerValidUntil")["valueInstant"], "2026-11-23T12:00:00Z");
    let second = parameter(&rotated, "secret")["valueString"].as_str().expect("a secret").to_owned();
    assert_ne!(first, second);
    assert_eq!(send_well(&app, get(&read), 200).await, rotated);
    assert_eq!(send_well(&app, request("POST", &read), 200).await, rotated);
    let kept = kept(&app, &id).await;
    assert_eq!((kept.version, kept.value.secrets.former.is_some()), (1, true));
    assert!(!kept.value.secrets.signing.contains(&second[6..]));
}

// covers N-35
#[rstest]
#[actix_web::test]
async fn attempts_operation_lists_the_last_attempts(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let id = id_of(&subscribe(&app, &backport("proxy-role", "id-only", &[])).await);
    let uuid = Uuid::parse_str(&id).expect("an id");
    let failure = DeliveryFailure { code: "status", is_final: false, retry_after: None };
    let sent = SendResult { outcome: Err(failure), status: Some(503), answer: Some("busy".to_owned()) };
    let at = app.now();
    let attempt = domain::event::Attempt {
        id: base::ids::new_uuid(at),
        at,
        kind: "handshake",
        numbers: None,
        outcome: sent.outcome,
        status: sent.status,
        duration: chrono::TimeDelta::milliseconds(12),
        answer: sent.answer,
    };
    app.store.write(move |tx| tx.insert_attempt(uuid, &attempt)).await.expect("it is kept");
    let answer = send_well(&app, get(&format!("/Subscription/{id}/$attempts")), 200).await;
    assert_eq!(parameter(&answer, "lag")["valueString"], "0");
    assert_eq!(parameter(&answer, "nextTry")["valueInstant"], "2026-11-22T12:00:00Z");
    let part = |name: &str| {
        let parts = parameter(&answer, "attempt")["part"].as_array().expect("parts").clone();
        parts.into_iter().find(|part| part["name"] == name).unwrap_or_default()
    };
    assert_eq!(part("httpStatus")["valueInteger"], 503);
    assert_eq!(part("failure")["valueString"], "status");
    assert_eq!(part("answer")["valueString"], "busy");
    assert_eq!(part("duration")["valueQuantity"]["value"], 12);
    let none = send_well(&app, get(&format!("/Subscription/{id}/$attempts?_count=0")), 200).await;
    assert_eq!(parameter(&none, "attempt"), &Value::Null);
    let input =
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "_count", "valueInteger": 0 }] });
    assert_eq!(send_well(&app, post(&format!("/Subscription/{id}/$attempts"), &input), 200).await, none);
}
