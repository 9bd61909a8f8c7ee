//! Subscriptions: creation, validation, reads, end, and the content of notifications.

mod budget;
mod ends;
mod lifecycle;
mod notifications;
mod operations;
mod ownership;
mod refusals;

use domain::event::{Notice, Notification, Subscription, SubscriptionStatus};
use domain::proxy::Versioned;
use serde_json::{Value, json};
use service::event::numbering::assign_event_numbers;
use service::event::numbering::authorize_waiting_events;
use service::event::renderer::RenderedNotification;
use uuid::Uuid;

use crate::fhir::client::{post, send_well};
use crate::support::TestApp;

pub const TOPIC: &str = "https://fhir.onbehalf.org.uk/R4/SubscriptionTopic";
pub const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition";
pub const ENDPOINT: &str = "https://listener.example.com/fhir/notify";

/// A subscription by topic, with these filters.
pub fn backport(topic: &str, content: &str, filters: &[&str]) -> Value {
    let filters = filters.iter().map(
        |filter| json!({ "url": format!("{BACKPORT}/backport-filter-criteria"), "valueString": filter }),
    );
    let filters: Vec<Value> = filters.collect();
    let mut body = json!({
        "resourceType": "Subscription",
        "meta": { "profile": [format!("{BACKPORT}/backport-subscription")] },
        "status": "requested",
        "reason": "Keep a GP system in step",
        "criteria": format!("{TOPIC}/{topic}"),
        "channel": {
            "type": "rest-hook",
            "endpoint": ENDPOINT,
            "payload": "application/fhir+json",
            "_payload": { "extension": [
                { "url": format!("{BACKPORT}/backport-payload-content"), "valueCode": content },
            ] },
            "header": ["X-Correlation: proxy-demo"],
        },
    });
    if !filters.is_empty() {
        body["_criteria"] = json!({ "extension": filters });
    }
    body
}

/// A subscription by a search, as R4 has it.
pub fn classic(criteria: &str, payload: Option<&str>) -> Value {
    let mut body = json!({
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "An older client",
        "criteria": criteria,
        "channel": { "type": "rest-hook", "endpoint": ENDPOINT },
    });
    if let Some(payload) = payload {
        body["channel"]["payload"] = payload.into();
    }
    body
}

/// A subscription to national events.
pub fn national(criteria: &str, payload: &str) -> Value {
    classic(criteria, Some(payload))
}

/// Creates a subscription, after every earlier event is numbered, and returns the response.
pub async fn subscribe(app: &TestApp, body: &Value) -> Value {
    number_all(app).await;
    send_well(app, post("/Subscription", body), 201).await
}

/// The id of a resource.
pub fn id_of(resource: &Value) -> String {
    resource["id"].as_str().expect("an id").to_owned()
}

/// The subscription as it is kept.
pub async fn kept(app: &TestApp, id: &str) -> Versioned<Subscription> {
    let id = Uuid::parse_str(id).expect("an id");
    app.look(move |tx| Ok(tx.find_subscription(id)?.expect("it is kept"))).await
}

/// Makes a subscription active, as its consumer's answer would.
pub async fn activate(app: &TestApp, id: &str) {
    let Versioned { value, version, .. } = kept(app, id).await;
    let now = app.now();
    let active = Subscription { status: SubscriptionStatus::Active, ..value };
    let saved = app.store.write(move |tx| tx.save_subscription(active, version, now).map(drop)).await;
    saved.expect("it is saved");
}

/// Numbers the waiting events.
pub async fn number_all(app: &TestApp) {
    let (renderer, clock) = (app.renderer.clone(), app.clock.clone());
    let (asked, at) = (renderer.clone(), clock.clone());
    let authorizations = app
        .store
        .read(move |tx| authorize_waiting_events(tx, &*at, &asked))
        .await
        .expect("events are judged");
    let numbered =
        app.store.write(move |tx| assign_event_numbers(tx, &*clock, &renderer, &authorizations)).await;
    numbered.expect("events are numbered");
}

/// The subjects of the events that a subscription has, in the order of their numbers, each with its topic.
pub async fn heard(app: &TestApp, id: &str) -> Vec<(String, String)> {
    number_all(app).await;
    let id = Uuid::parse_str(id).expect("an id");
    let events = app.look(move |tx| tx.list_events_of(id, 1, i64::MAX, 1000)).await;
    assert!((1..).zip(&events).all(|(number, one)| one.number == number), "numbers have no gap");
    events.into_iter().map(|one| (one.event.topic.as_str().to_owned(), one.event.subject)).collect()
}

/// The notification of all events of a subscription, or the handshake where there are none.
pub async fn composed(app: &TestApp, id: &str) -> RenderedNotification {
    use service::event::renderer::NotificationRenderer as _;
    number_all(app).await;
    let subscription = kept(app, id).await.value;
    let (renderer, now) = (app.renderer.clone(), app.now());
    let uuid = subscription.id;
    let composed = app.store.read(move |tx| {
        let events = tx.list_events_of(uuid, 1, i64::MAX, 1000)?;
        let notification = Notification {
            id: format!("n-{uuid}"),
            at: now,
            status: subscription.status,
            events_since_start: events.last().map_or(0, |last| last.number),
            notice: if events.is_empty() { Notice::Handshake } else { Notice::Events(events) },
        };
        renderer.render(tx, &subscription, &notification)
    });
    composed.await.expect("it is composed")
}
