//! The channel `message`, against a real NATS server and a real RabbitMQ.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use chrono::TimeDelta;
use delivery::channel::Brokers;
use domain::event::{ChannelType, SubscriptionStatus};
use futures_util::StreamExt as _;
use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Connection, ConnectionProperties};
use rstest::rstest;
use serde_json::Value;
use service::event::channel::sender::OutboundMessage;
use service::event::renderer::RenderedNotification;
use service::event::settings::Subscriptions;
use uuid::Uuid;

use super::stage::{Stage, parameter, settings};
use crate::fhir::client::{post, send_well};
use crate::fhir::subscription::{backport, id_of};
use crate::support::Backend;

const BODY: &[u8] = br#"{"resourceType":"Bundle"}"#;

fn nats() -> String {
    std::env::var("ONBEHALF_TEST_NATS").expect("tests/run starts NATS, or ONBEHALF_TEST_NATS names one")
}

fn amqp() -> String {
    std::env::var("ONBEHALF_TEST_AMQP").expect("tests/run starts RabbitMQ, or ONBEHALF_TEST_AMQP names one")
}

fn authority(url: &str) -> String {
    url.split_once("://").expect("a URL").1.to_owned()
}

fn outbound(endpoint: &str, id: &str) -> OutboundMessage {
    let message = RenderedNotification {
        id: id.to_owned(),
        content_type: Some("application/fhir+json"),
        body: BODY.to_vec(),
    };
    OutboundMessage {
        subscription: uuid::Uuid::nil(),
        kind: ChannelType::Message,
        endpoint: endpoint.to_owned(),
        headers: vec![("webhook-id".to_owned(), id.to_owned())],
        message,
        timeout: TimeDelta::seconds(20),
    }
}

/// A RabbitMQ that has just been started answers after some seconds.
async fn connected(url: &str) -> Connection {
    let started = Instant::now();
    loop {
        if let Ok(connection) = Connection::connect(url, ConnectionProperties::default()).await {
            return connection;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "RabbitMQ does not answer");
        actix_rt::time::sleep(Duration::from_millis(100)).await;
    }
}

fn failure(sent: &service::event::channel::sender::SendResult) -> (&'static str, bool) {
    let failure = sent.outcome.as_ref().expect_err("it was taken");
    (failure.code, failure.is_final)
}

#[actix_rt::test]
async fn nats_stream_stores_each_message_once() {
    let url = nats();
    let context = jetstream::new(async_nats::connect(&url).await.expect("NATS answers"));
    let config = jetstream::stream::Config {
        name: "roles".to_owned(),
        subjects: vec!["proxy.roles".to_owned()],
        ..jetstream::stream::Config::default()
    };
    let stream = context.create_stream(config).await.expect("a stream");
    let brokers = Brokers::new(vec![authority(&url)]);
    let endpoint = format!("{url}/proxy.roles");
    for id in ["n1", "n2", "n1"] {
        let sent = brokers.send(&outbound(&endpoint, id)).await;
        assert_eq!(sent.outcome, Ok(()), "{id}");
    }
    let consumer =
        stream.create_consumer(jetstream::consumer::pull::Config::default()).await.expect("a consumer");
    let mut messages = consumer.fetch().max_messages(3).messages().await.expect("messages");
    let mut ids = Vec::new();
    while let Some(Ok(message)) = messages.next().await {
        let headers = message.headers.as_ref().expect("headers");
        assert_eq!(
            headers.get("content-type").map(async_nats::HeaderValue::as_str),
            Some("application/fhir+json")
        );
        assert_eq!(message.payload.as_ref(), BODY);
        ids.push(headers.get("webhook-id").expect("an id").as_str().to_owned());
    }
    assert_eq!(ids, ["n1", "n2"], "the stream leaves out what it has");
}

#[actix_rt::test]
async fn nats_subject_without_a_stream_is_a_failed_delivery() {
    let url = nats();
    let brokers = Brokers::new(vec![authority(&url)]);
    let sent = brokers.send(&outbound(&format!("{url}/nobody.listens"), "n1")).await;
    assert_eq!(failure(&sent), ("no-stream", false));
}

#[actix_rt::test]
async fn a_broker_that_is_not_on_the_list_is_not_called() {
    let brokers = Brokers::new(vec!["mq.example.nhs.uk:4222".to_owned()]);
    for endpoint in [format!("{}/proxy.roles", nats()), "https://127.0.0.1/".to_owned()] {
        let sent = brokers.send(&outbound(&endpoint, "n1")).await;
        assert!(failure(&sent).1, "it makes no sense to try again: {endpoint}");
    }
}

#[actix_rt::test]
async fn unreachable_broker_is_retried_and_silent_broker_times_out() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = silent.local_addr().map(|address| (address.to_string(), silent)).expect("an address");
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address").to_string()
    };
    let brokers = Brokers::new(vec![silent.0.clone(), closed.clone()]);
    for (host, scheme, path) in [
        (&closed, "nats", "proxy.roles"),
        (&closed, "amqp", "%2F?routing_key=a"),
        (&silent.0, "nats", "proxy.roles"),
        (&silent.0, "amqp", "%2F?routing_key=a"),
    ] {
        let mut outbound = outbound(&format!("{scheme}://{host}/{path}"), "n1");
        outbound.timeout = TimeDelta::milliseconds(500);
        let started = Instant::now();
        let sent = brokers.send(&outbound).await;
        let (code, is_final) = failure(&sent);
        assert!(!is_final && ["connect", "timeout"].contains(&code), "{scheme} {host}: {code}");
        assert!(started.elapsed() < Duration::from_secs(5), "{scheme} {host}");
    }
}

#[actix_rt::test]
async fn rabbitmq_message_is_persistent() {
    let url = amqp();
    let connection = connected(&url).await;
    let channel = connection.create_channel().await.expect("a channel");
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("roles".into(), options, FieldTable::default()).await.expect("a queue");
    let brokers = Brokers::new(vec![authority(&url)]);
    let sent = brokers.send(&outbound(&format!("{url}/%2F?routing_key=roles"), "n1")).await;
    assert_eq!(sent.outcome, Ok(()));
    let got = channel.basic_get("roles".into(), BasicGetOptions { no_ack: true }).await.expect("an answer");
    let got = got.expect("a message").delivery;
    assert_eq!(got.data, BODY);
    let properties = got.properties;
    assert_eq!(properties.delivery_mode(), &Some(2));
    assert_eq!(properties.message_id().as_ref().map(ShortString::as_str), Some("n1"));
    assert_eq!(properties.content_type().as_ref().map(ShortString::as_str), Some("application/fhir+json"));
}

#[actix_rt::test]
async fn unroutable_or_unauthorized_rabbitmq_message_is_a_failed_delivery() {
    let url = amqp();
    drop(connected(&url).await);
    let brokers = Brokers::new(vec![authority(&url)]);
    let sent = brokers.send(&outbound(&format!("{url}/%2F?routing_key=no-such-queue"), "n1")).await;
    assert_eq!(failure(&sent), ("unroutable", false));
    let sent = brokers.send(&outbound(&format!("{url}/%2F/no-such-exchange?routing_key=a"), "n1")).await;
    assert_eq!(failure(&sent).0, "refused");
    let mut stranger = outbound(&format!("{url}/%2F?routing_key=no-such-queue"), "n1");
    // stranger:wrong
    stranger.headers.push(("Authorization".to_owned(), "Basic c3RyYW5nZXI6d3Jvbmc=".to_owned()));
    let sent = brokers.send(&stranger).await;
    assert!(!["unroutable"].contains(&failure(&sent).0), "{sent:?}");
}

/// Subscribes over the API, with a broker's URL as the endpoint, and causes an event.
async fn tell(backend: Backend, url: &str, endpoint: &str) -> Stage {
    let allowed_brokers = vec![authority(url)];
    let stage = Stage::real(backend, Subscriptions { allowed_brokers, ..settings() }).await;
    let mut body = backport("proxy-role-changed", "id-only", &[]);
    body["channel"]["type"] = "message".into();
    body["channel"]["endpoint"] = endpoint.into();
    let created = send_well(&stage.app, post("/Subscription", &body), 201).await;
    let id = id_of(&created).parse().expect("an id");
    stage.wait_for_status(id, SubscriptionStatus::Active);
    stage.change(1).await;
    stage.wait_for_sent(id, 1);
    stage
}

fn kind(body: &[u8]) -> Value {
    parameter(&serde_json::from_slice(body).expect("JSON"), "type")["valueCode"].clone()
}

#[rstest]
#[actix_rt::test]
async fn broker_subscription_is_delivered_to_the_broker(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let url = nats();
    let subject = format!("told.{}", Uuid::new_v4().simple());
    let context = jetstream::new(async_nats::connect(&url).await.expect("NATS answers"));
    let config = jetstream::stream::Config {
        name: subject.replace('.', "-"),
        subjects: vec![subject.clone()],
        ..jetstream::stream::Config::default()
    };
    let stream = context.create_stream(config).await.expect("a stream");
    let stage = tell(backend, &url, &format!("{url}/{subject}")).await;
    let consumer =
        stream.create_consumer(jetstream::consumer::pull::Config::default()).await.expect("a consumer");
    let mut messages = consumer.fetch().max_messages(2).messages().await.expect("messages");
    let mut kinds = Vec::new();
    while let Some(Ok(message)) = messages.next().await {
        let headers = message.headers.as_ref().expect("headers");
        let signature = headers.get("webhook-signature").expect("a signature").as_str();
        assert!(signature.starts_with("v1,"), "{signature}");
        kinds.push(kind(&message.payload));
    }
    assert_eq!(kinds, ["handshake", "event-notification"]);
    drop(stage);
    let url = amqp();
    let channel = connected(&url).await.create_channel().await.expect("a channel");
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let queue = subject.as_str();
    channel.queue_declare(queue.into(), options, FieldTable::default()).await.expect("a queue");
    let _stage = tell(backend, &url, &format!("{url}/%2F?routing_key={subject}")).await;
    for wanted in ["handshake", "event-notification"] {
        let got = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.expect("an answer");
        assert_eq!(kind(&got.expect("a message").delivery.data), wanted);
    }
}
