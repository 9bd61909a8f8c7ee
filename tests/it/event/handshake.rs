//! The first call of a subscription: the status is `requested` until the endpoint has answered it with 2xx.

use domain::event::SubscriptionStatus;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::stage::{Stage, settings};
use crate::fhir::client::{post, put, send_well};
use crate::fhir::subscription::{backport, classic, id_of, national};
use crate::support::{Backend, Receiver, ReceiverResponse};

const CLOUD_EVENT: &str = "application/json";
const FHIR: &str = "application/fhir+json";
const EVENTS: &str = "eventType='vrs-proxy-role-changed-1'";

/// One subscription of each style and payload, and whether its first call has a body (a handshake Bundle).
fn every_kind() -> Vec<(&'static str, Value, bool)> {
    vec![
        ("by topic", backport("proxy-role-changed", "id-only", &[]), true),
        ("by topic, empty", backport("proxy-role-changed", "empty", &[]), true),
        ("by a search, without a payload", classic("Consent?status=active", None), false),
        ("by a search, with a payload", classic("Consent?status=active", Some(FHIR)), false),
        ("national, CloudEvent", national(EVENTS, CLOUD_EVENT), false),
        ("national, FHIR", national(EVENTS, FHIR), true),
    ]
}

async fn subscribe(stage: &Stage, mut body: Value, endpoint: &str) -> (Uuid, Value) {
    body["channel"]["endpoint"] = endpoint.into();
    let content = send_well(&stage.app, post("/Subscription", &body), 201).await;
    assert_eq!(content["status"], "requested");
    (id_of(&content).parse().expect("an id"), content)
}

// covers FAULT-12, USE-4
#[rstest]
#[actix_web::test]
async fn subscription_is_requested_until_the_handshake_is_2xx(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    for (kind, body, has_body) in every_kind() {
        let receiver = Receiver::willing();
        let (id, _) = subscribe(&stage, body, &receiver.url("/notify")).await;
        stage.wait_for_status(id, SubscriptionStatus::Active);
        let first = receiver.all().remove(0);
        assert_eq!((first.method.as_str(), !first.body.is_empty()), ("POST", has_body), "{kind}");
        assert!(first.header("webhook-signature").is_some(), "{kind}: the first call is signed");
        assert_eq!(stage.attempts(id)[0].kind, "handshake", "{kind}");
        // What follows is an event, and comes after it.
        stage.change(1).await;
        if kind != "by a search, without a payload" && kind != "by a search, with a payload" {
            stage.wait_for_sent(id, 1);
            assert!(receiver.all().len() >= 2, "{kind}");
        }
    }
}

// covers FAULT-12, USE-4
#[rstest]
#[actix_web::test]
async fn subscription_is_error_after_a_failed_handshake_and_active_when_requested_again(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    for (kind, body, _) in every_kind() {
        let (refusing, willing) = (Receiver::start(|_| ReceiverResponse::status(503)), Receiver::willing());
        let (id, mut content) = subscribe(&stage, body.clone(), &refusing.url("/notify")).await;
        let failed = stage.wait_for_status(id, SubscriptionStatus::Error);
        assert!(failed.error.is_some_and(|why| why.contains("the handshake failed")), "{kind}");
        assert_eq!(refusing.all().len(), 1, "{kind}");
        // Without a listener it is the same.
        let (away, _) = subscribe(&stage, body, "http://127.0.0.1:9/notify").await;
        stage.wait_for_status(away, SubscriptionStatus::Error);
        // Put to `requested` again, the first call is made again.
        content["status"] = json!("requested");
        content["channel"]["endpoint"] = willing.url("/notify").into();
        send_well(&stage.app, put(&format!("/Subscription/{id}"), &content), 200).await;
        stage.wait_for_status(id, SubscriptionStatus::Active);
        assert_eq!(willing.wait_for(1).len(), 1, "{kind}");
    }
}
