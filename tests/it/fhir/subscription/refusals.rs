//! Refused subscriptions, each with the element at fault.

use rstest::rstest;
use serde_json::{Value, json};

use super::{BACKPORT, TOPIC, backport, classic, national};
use crate::fhir::client::{outcome_of, post, send};
use crate::support::{Backend, Options, TestApp};

fn with(pointer: &str, value: impl Into<Value>) -> Value {
    let mut body = backport("proxy-role", "id-only", &[]);
    *body.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.into();
    body
}

fn with_channel(name: &str, value: Value) -> Value {
    let mut body = backport("proxy-role", "id-only", &[]);
    body["channel"][name] = value;
    body
}

fn with_extension(name: &str, kind: &str, value: u32) -> Value {
    with_channel("extension", json!([{ "url": format!("{BACKPORT}/backport-{name}"), kind: value }]))
}

fn without(name: &str) -> Value {
    let mut body = backport("proxy-role", "id-only", &[]);
    body["channel"].as_object_mut().expect("a channel").remove(name);
    body
}

fn of_r5() -> Value {
    let mut body = backport("proxy-role", "id-only", &[]);
    let url = "http://hl7.org/fhir/5.0/subscriptions-backport/StructureDefinition/backport-filter-criteria";
    body["_criteria"] = json!({ "extension": [{ "url": url, "valueString": "patient=9000000009" }] });
    body
}

fn filtered(topic: &str, filter: &str) -> Value {
    backport(topic, "id-only", &[filter])
}

/// Kit 6.01 to 6.07, and what the kit leaves out.
// covers N-03, N-28, N-29, N-31
#[rstest]
#[actix_web::test]
async fn unsupported_subscription_is_rejected_with_its_element(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut options = Options::default();
    options.subscriptions.loopback = false;
    let app = TestApp::start(backend, options).await;
    let criteria = "Subscription.criteria";
    let filter = "Subscription.criteria.extension[0]";
    let (kind, place) = ("Subscription.channel.type", "Subscription.channel.endpoint");
    let (payload, extension) = ("Subscription.channel.payload", "Subscription.channel.extension[0]");
    let header = "Subscription.channel.header[0]";
    let channel_type = json!({ "extension": [
        { "url": format!("{BACKPORT}/backport-channel-type"), "valueCoding": { "code": "zulip" } },
    ] });
    for (row, body, at) in [
        ("6.01 the extension of R5", of_r5(), filter),
        ("6.02 an unknown topic", with("/criteria", format!("{TOPIC}/nothing")), criteria),
        ("a topic of another server", with("/criteria", "https://example.com/topic"), criteria),
        ("no criteria at all", with("/criteria", "whatever happens"), criteria),
        ("6.03 an unknown filter", filtered("proxy-role", "colour=red"), filter),
        ("a filter of another topic", filtered("access-request-submitted", "legal-basis=A"), filter),
        ("a filter of another type", filtered("proxy-role", "RelatedPerson.status=active"), filter),
        ("a modifier", filtered("proxy-role", "status:not=active"), filter),
        ("an unknown status", filtered("proxy-role", "status=asleep"), filter),
        ("no NHS number", filtered("proxy-role", "patient=123"), filter),
        ("no ODS code", filtered("proxy-role", "practice=!"), filter),
        ("no condition", filtered("proxy-role", "status"), filter),
        ("6.04 a channel of R4 that is not here", with("/channel/type", "sms"), kind),
        ("a mail", with("/channel/type", "email"), kind),
        ("a custom channel", with_channel("_type", channel_type), "Subscription.channel.type.extension[0]"),
        ("6.05 no URL", with("/channel/endpoint", "not a url"), place),
        ("plain HTTP", with("/channel/endpoint", "http://listener.example.com/"), place),
        ("loopback", with("/channel/endpoint", "http://127.0.0.1:9/"), place),
        ("the metadata of a cloud", with("/channel/endpoint", "https://169.254.169.254/"), place),
        ("a password", with("/channel/endpoint", "https://a:b@listener.example.com/"), place),
        ("no end point", without("endpoint"), place),
        ("6.06 an unknown payload", with("/channel/payload", "text/plain"), payload),
        ("another FHIR version", with("/channel/payload", "application/fhir+json; fhirVersion=5.0"), payload),
        ("no payload", without("payload"), payload),
        ("no content", without("_payload"), "Subscription.channel.payload.extension"),
        ("an end point of a websocket", with("/channel/type", "websocket"), place),
        ("a broker that is not listed", with("/channel/type", "message"), place),
        ("no heartbeat", with_extension("heartbeat-period", "valueUnsignedInt", 0), extension),
        ("a fast heartbeat", with_extension("heartbeat-period", "valueUnsignedInt", 9), extension),
        ("a long timeout", with_extension("timeout", "valueUnsignedInt", 61), extension),
        ("too many events", with_extension("max-count", "valuePositiveInt", 101), extension),
        ("another extension", with_extension("surprise", "valueUnsignedInt", 1), extension),
        ("a host", with("/channel/header", json!(["Host: example.com"])), header),
        ("two headers in one", with("/channel/header", json!(["X-A: 1 \u{a0}"])), header),
        ("a signature", with("/channel/header", json!(["webhook-signature: v1,x"])), header),
        ("a search of another type", classic("Patient?name=x", None), criteria),
        ("a search that is none", classic("Consent?colour=red", None), criteria),
        ("the shape of an answer", classic("Consent?_sort=date", None), criteria),
        ("an unknown event type", national("eventType='something-else-1'", "application/json"), criteria),
        (
            "half a national search",
            national("eventType='vrs-proxy-role-changed-1' AND", "application/json"),
            criteria,
        ),
    ] {
        let answer = send(&app, post("/Subscription", &body)).await;
        let (status, _, place) = outcome_of(&answer);
        assert_eq!((status, place.as_str()), (422, at), "{row}: {}", String::from_utf8_lossy(&answer.body));
    }
    // Kit 6.07: a channel that the payload does not go over.
    let mut body = without("endpoint");
    body["channel"]["type"] = "websocket".into();
    body["channel"].as_object_mut().expect("a channel").remove("header");
    body["channel"]["payload"] = "application/fhir+xml".into();
    assert_eq!(outcome_of(&send(&app, post("/Subscription", &body)).await).2, payload);
    body["channel"]["payload"] = "application/fhir+json".into();
    assert_eq!(send(&app, post("/Subscription", &body)).await.status, 201);
    assert_eq!(app.count_rows("subscriptions"), 1);
}
