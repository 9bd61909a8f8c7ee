//! Subscriptions from creation to deletion.

use rstest::rstest;
use serde_json::{Value, json};

use super::{BACKPORT, activate, backport, composed, kept, subscribe};
use crate::fhir::client::{entries, get, outcome_of, patch, post, put, request, send, send_well};
use crate::support::{Backend, TestApp};

fn with(mut body: Value, created: &Value, pairs: &[(&str, Value)]) -> Value {
    if !created.is_null() {
        body["id"] = created["id"].clone();
    }
    for (pointer, value) in pairs {
        *body.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.clone();
    }
    body
}

/// Kit 1.1.01 to 1.1.03, 3.1.1.01 to 3.3.1.03: a subscription is created with the status `requested`, and
/// returned as sent.
// covers N-01, N-37
#[rstest]
#[actix_web::test]
async fn subscription_is_created_with_status_requested(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for content in ["empty", "id-only", "full-resource"] {
        let body = backport("proxy-role", content, &["Consent?status=active,inactive", "patient=9000000009"]);
        let answer = send(&app, post("/Subscription", &body)).await;
        let created = answer.json();
        assert_eq!(answer.status, 201, "{created}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        for (name, value) in body.as_object().expect("an object") {
            if name != "meta" {
                assert_eq!(&created[name], value, "{name}");
            }
        }
        assert_eq!(created["meta"]["profile"], json!([format!("{BACKPORT}/backport-subscription")]));
        let path = format!("/Subscription/{}", created["id"].as_str().expect("an id"));
        assert_eq!(send_well(&app, get(&path), 200).await, created);
        assert_eq!(send_well(&app, get(&format!("{path}/_history/1")), 200).await, created);
    }
    let stored = "SELECT document || headers || criteria AS value FROM subscriptions";
    for row in crate::support::sql::values(&app.database_url(), stored) {
        assert!(!row.contains("proxy-demo"), "a header is encrypted wherever it is kept: {row}");
    }
}

// covers N-05, N-13
#[rstest]
#[actix_web::test]
async fn new_subscription_status_has_no_events(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let created = subscribe(&app, &backport("proxy-role", "id-only", &[])).await;
    let id = created["id"].as_str().expect("an id");
    let bundle = send_well(&app, get(&format!("/Subscription/{id}/$status")), 200).await;
    assert_eq!((&bundle["type"], &bundle["total"]), (&json!("searchset"), &json!(1)));
    let of = |bundle: &Value| entries(bundle)[0]["parameter"].clone();
    let status = of(&bundle);
    assert!(
        status[0]["valueReference"]["reference"].as_str().unwrap().ends_with(&format!("/Subscription/{id}"))
    );
    assert_eq!(status[2], json!({ "name": "status", "valueCode": "requested" }));
    assert_eq!(status[3], json!({ "name": "type", "valueCode": "query-status" }));
    let none = json!({ "name": "events-since-subscription-start", "valueString": "0" });
    assert_eq!(status[4], none);
    let message = composed(&app, id).await;
    assert_eq!(message.content_type, Some("application/fhir+json"));
    let handshake: Value = serde_json::from_slice(&message.body).expect("JSON");
    assert_eq!(handshake["type"], "history");
    assert_eq!(of(&handshake)[2]["valueCode"], "requested");
    assert_eq!(of(&handshake)[3]["valueCode"], "handshake");
    assert_eq!(of(&handshake)[4], none);
}

// covers N-02, N-06, N-07, N-08
#[rstest]
#[actix_web::test]
async fn subscription_status_follows_owner_updates(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let body = backport("proxy-role", "id-only", &[]);
    let asked = with(body.clone(), &Value::Null, &[("/status", "active".into())]);
    let created = send_well(&app, post("/Subscription", &asked), 201).await;
    assert_eq!(created["status"], "requested", "only the service makes it active");
    let refused = with(body.clone(), &Value::Null, &[("/status", "error".into())]);
    let refused = send(&app, post("/Subscription", &refused)).await;
    assert_eq!(outcome_of(&refused), (422, "business-rule".into(), "Subscription.status".into()));
    let id = created["id"].as_str().expect("an id");
    let path = format!("/Subscription/{id}");
    let other = "https://listener.example.com/other";
    for (row, pairs, expected) in [
        ("nothing", vec![("/status", json!("active"))], "active"),
        ("its reason", vec![("/status", json!("active")), ("/reason", json!("Another"))], "active"),
        (
            "its end point",
            vec![("/status", json!("active")), ("/channel/endpoint", json!(other))],
            "requested",
        ),
        ("a header", vec![("/status", json!("active")), ("/channel/header", json!(["X-A: 1"]))], "requested"),
        (
            "its topic",
            vec![
                ("/status", json!("active")),
                ("/criteria", json!("https://fhir.onbehalf.org.uk/R4/SubscriptionTopic/proxy-role-changed")),
            ],
            "requested",
        ),
        ("that it is asked for", vec![("/status", json!("requested"))], "requested"),
        ("that it is to end", vec![("/status", json!("off"))], "off"),
        ("that it is to go on", vec![("/status", json!("active"))], "requested"),
    ] {
        if expected != "off" && row != "that it is to go on" {
            activate(&app, id).await;
        }
        let before = kept(&app, id).await;
        let changed = send_well(&app, put(&path, &with(body.clone(), &created, &pairs)), 200).await;
        assert_eq!(changed["status"], expected, "{row}");
        let uuid = before.value.id;
        let delivery = app.look(move |tx| tx.find_delivery(uuid)).await.expect("a delivery");
        assert_eq!(delivery.due_at.is_some(), expected != "off", "{row}");
    }
    let before = send_well(&app, get(&path), 200).await;
    let change = json!([{ "op": "replace", "path": "/status", "value": "off" }]);
    let patched = send_well(&app, patch(&path, &change), 200).await;
    assert_eq!(patched["status"], "off");
    assert_eq!(patched["channel"], before["channel"]);
    let status = send_well(&app, get(&format!("{path}/$status")), 200).await;
    assert_eq!(entries(&status)[0]["parameter"][2]["valueCode"], "off");
}

// covers N-08
#[rstest]
#[actix_web::test]
async fn deleted_subscription_is_410_with_history(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let created = send_well(&app, post("/Subscription", &backport("proxy-role", "empty", &[])), 201).await;
    let path = format!("/Subscription/{}", created["id"].as_str().expect("an id"));
    for _again in 0..2 {
        assert_eq!(send(&app, request("DELETE", &path)).await.status, 204);
    }
    for request in [
        get(&path),
        get(&format!("{path}/$status")),
        get(&format!("{path}/$secret")),
        get(&format!("{path}/_history/2")),
        put(&path, &with(backport("proxy-role", "empty", &[]), &created, &[])),
    ] {
        assert_eq!(outcome_of(&send(&app, request).await), (410, "deleted".into(), String::new()));
    }
    assert_eq!(send(&app, request("DELETE", "/Subscription/none")).await.status, 404);
    assert_eq!(send_well(&app, get("/Subscription"), 200).await["total"], 0);
    assert_eq!(send_well(&app, get("/Subscription/$status"), 200).await["total"], 0);
    for path in [format!("{path}/_history"), "/Subscription/_history".to_owned()] {
        let history = send_well(&app, get(&path), 200).await;
        assert_eq!(history["total"], 2, "{path}");
        let methods = [0, 1].map(|number| history["entry"][number]["request"]["method"].clone());
        assert_eq!(methods, ["DELETE", "POST"]);
        assert_eq!(history["entry"][0].get("resource"), None);
    }
    assert_eq!(send_well(&app, get(&format!("{path}/_history/1")), 200).await, created);
}

// covers N-12
#[rstest]
#[actix_web::test]
async fn if_none_exist_prevents_a_second_subscription(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let body = backport("proxy-role", "empty", &[]);
    let create = || {
        let condition = "url=https://listener.example.com/fhir/notify&criteria:exact=\
                         https://fhir.onbehalf.org.uk/R4/SubscriptionTopic/proxy-role";
        post("/Subscription", &body).header("If-None-Exist", condition)
    };
    let first = send_well(&app, create(), 201).await;
    assert_eq!(send_well(&app, create(), 200).await, first);
    let path = format!("/Subscription/{}", first["id"].as_str().expect("an id"));
    let stale = put(&path, &with(body.clone(), &first, &[])).header("If-Match", "W/\"7\"");
    assert_eq!(send(&app, stale).await.status, 412);
    assert_eq!(app.count_rows("subscription_versions"), 1);
}
