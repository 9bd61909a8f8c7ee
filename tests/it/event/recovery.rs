//! Subscriptions over the R4 API from end to end: deliveries, and recovery of missed events.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use base::error::Error;
use chrono::TimeDelta;
use domain::account::{AccessMode, Caller, ClientAuthentication, Grant, Principal, Scopes};
use domain::event::SubscriptionStatus;
use rstest::rstest;
use serde_json::{Value, json};
use service::authority::{Authority, AuthoritySettings, Lifetimes};
use service::event::settings::Subscriptions;
use service::job::Job;
use uuid::Uuid;

use super::chaos::events;
use super::stage::{Stage, draft, parameter, settings};
use crate::account::oauth::kit::app;
use crate::fhir::client::{get, post, put, send_well};
use crate::fhir::subscription::backport;
use crate::job::{runner_with, settings as jobs};
use crate::support::poll::poll;
use crate::support::{Backend, Folder, METRICS_TOKEN, Receiver, ReceiverResponse, Request, keys};
use crate::vrs::known::MOTHERS_ROLE;

async fn subscribe(stage: &Stage, endpoint: &str, content: &str) -> (Uuid, Value) {
    let mut body = backport("proxy-role-changed", content, &[]);
    body["channel"]["endpoint"] = endpoint.into();
    let created = send_well(&stage.app, post("/Subscription", &body), 201).await;
    let id = created["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    stage.wait_for_status(id, SubscriptionStatus::Active);
    (id, created)
}

// covers N-04, N-05, N-24, N-28, N-36, KIT-1.2.01, KIT-1.2.02, KIT-3.1.2.02, KIT-3.1.2.03, KIT-3.2.2.02, KIT-3.2.2.03, KIT-3.3.2.02, KIT-3.3.2.03, KIT-4.01
#[rstest]
#[actix_web::test]
async fn notification_wire_format_of_the_test_kit(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    for content in ["empty", "id-only", "full-resource"] {
        let receiver = Receiver::willing();
        let (id, created) = subscribe(&stage, &receiver.url("/notify"), content).await;
        stage.change(1).await;
        stage.wait_for_sent(id, 1);
        let all = receiver.all();
        assert_eq!(all.len(), 2);
        for (one, (kind, status)) in
            all.iter().zip([("handshake", "requested"), ("event-notification", "active")])
        {
            let bundle = one.json();
            assert_eq!((&bundle["resourceType"], &bundle["type"]), (&json!("Bundle"), &json!("history")));
            assert_eq!(parameter(&bundle, "type")["valueCode"], kind);
            assert_eq!(parameter(&bundle, "status")["valueCode"], status);
            for entry in bundle["entry"].as_array().unwrap() {
                assert!(entry["request"].is_object() && entry["response"].is_object(), "{entry}");
            }
            let url = bundle["entry"][0]["request"]["url"].as_str().unwrap();
            assert!(url.ends_with(&format!("Subscription/{id}/$status")), "{url}");
            let payload = created["channel"]["payload"].as_str().unwrap();
            assert!(one.header("content-type").unwrap().starts_with(payload));
            for line in created["channel"]["header"].as_array().unwrap() {
                let (name, value) = line.as_str().unwrap().split_once(": ").unwrap();
                assert_eq!(one.header(name), Some(value));
            }
        }
        let bundle = all[1].json();
        let entries = bundle["entry"].as_array().unwrap();
        let since = parameter(&bundle, "events-since-subscription-start");
        assert_eq!(since["valueString"], "1");
        let event = parameter(&bundle, "notification-event")["part"].as_array().unwrap();
        let focus = event.iter().find(|part| part["name"] == "focus");
        match content {
            "empty" => assert!(focus.is_none() && entries.len() == 1),
            "id-only" => assert!(
                focus.is_some() && entries.iter().skip(1).all(|entry| entry.get("resource").is_none())
            ),
            _ => assert_eq!(entries[1]["resource"]["id"], MOTHERS_ROLE),
        }
    }
}

/// The recovery sequence: the listener goes down, the subscription ends in error, missed events are fetched,
/// the subscription is re-activated, and the numbers continue.
// covers N-07, N-14, N-21, N-25, N-26
#[rstest]
#[actix_web::test]
async fn consumer_recovers_missed_events_by_the_events_operation(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let short = Subscriptions { retries: vec![TimeDelta::seconds(10)], ..settings() };
    let stage = Stage::real(backend, short).await;
    let status = Arc::new(AtomicU16::new(200));
    let received = Arc::clone(&status);
    let receiver = Receiver::start(move |_| ReceiverResponse::status(received.load(Ordering::SeqCst)));
    let (id, created) = subscribe(&stage, &receiver.url("/notify"), "id-only").await;
    stage.change(2).await;
    stage.wait_for_sent(id, 2);
    status.store(503, Ordering::SeqCst);
    stage.change(5).await;
    stage.wait_for_failures(id, 1);
    stage.advance(13);
    stage.wait_for_status(id, SubscriptionStatus::Error);
    poll("the counter to go on", || (stage.find(id).1.last_number == 7).then_some(()));
    let found = send_well(&stage.app, get(&format!("/Subscription/{id}/$status")), 200).await;
    assert_eq!(parameter(&found, "status")["valueCode"], "error");
    assert_eq!(parameter(&found, "events-since-subscription-start")["valueString"], "7");
    let coding = &parameter(&found, "error")["valueCodeableConcept"]["coding"][0];
    assert_eq!(coding["code"], "no-response");
    let path = format!("/Subscription/{id}/$events?eventsSinceNumber=3");
    let missed = send_well(&stage.app, get(&path), 200).await;
    let numbers: Vec<&Value> = missed["entry"][0]["resource"]["parameter"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|parameter| parameter["name"] == "notification-event")
        .map(|event| &event["part"][0]["valueString"])
        .collect();
    assert_eq!(numbers, ["3", "4", "5", "6", "7"]);
    status.store(200, Ordering::SeqCst);
    let mut again = send_well(&stage.app, get(&format!("/Subscription/{id}")), 200).await;
    assert_eq!(again["status"], "error");
    again["status"] = "requested".into();
    assert_eq!(again["channel"], created["channel"]);
    let before = receiver.all().len();
    send_well(&stage.app, put(&format!("/Subscription/{id}"), &again), 200).await;
    stage.wait_for_status(id, SubscriptionStatus::Active);
    stage.change(1).await;
    stage.wait_for_sent(id, 8);
    let all = receiver.all();
    assert_eq!(parameter(&all[before].json(), "type")["valueCode"], "handshake");
    let received: Vec<i64> = all[before..].iter().flat_map(events).map(|(number, _)| number).collect();
    assert_eq!(received, [3, 4, 5, 6, 7, 8], "nothing is left out, and the next is the next");
}

// covers N-34
#[rstest]
#[actix_web::test]
async fn revoked_grant_ends_its_subscriptions_and_expired_grant_does_not(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    let receiver = Receiver::willing();
    let now = stage.app.now();
    let grant = Grant {
        id: Uuid::from_u128(7),
        app: "epr".to_owned(),
        mode: AccessMode::System,
        user: None,
        patient: None,
        proxy: None,
        role: None,
        scopes: Scopes::of_token("system/Subscription.cruds system/Consent.r"),
        vot: None,
        staff: None,
        organisation: None,
        fhir_user: None,
        parent: None,
        audience: Vec::new(),
        created_at: now,
        expires_at: now + TimeDelta::minutes(5),
    };
    let kept = grant.clone();
    stage.app.store.write_here::<_, Error, _>(|tx| tx.insert_grant(&kept)).unwrap();
    let principal = Principal::System { name: "epr".to_owned() };
    let caller = Caller { grant: Some(grant.id), app: Some("epr".into()), ..Caller::direct(principal) };
    let id = stage.subscribe_as(&caller, draft(&receiver));
    stage.wait_for_status(id, SubscriptionStatus::Active);
    stage.advance(3600);
    stage.change(1).await;
    stage.wait_for_sent(id, 1);
    // Nor is a grant purged that expired long ago.
    stage.advance(100 * 24 * 3600);
    let purge = Job::find("purge").expect("there is such a job");
    assert!(runner_with(&stage.app, jobs()).run_now(&purge).expect("the database answers"));
    stage.change(1).await;
    stage.wait_for_sent(id, 2);
    let now = stage.app.now();
    stage.app.store.write_here::<_, Error, _>(|tx| tx.revoke_grant(grant.id, now)).unwrap();
    stage.change(1).await;
    let found = stage.wait_for_status(id, SubscriptionStatus::Error);
    assert_eq!(found.error.as_deref(), Some("revoked: the grant of the app was revoked"));
    assert_eq!(receiver.all().len(), 3, "a greeting and two events");
}

/// An authorization server that knows these apps by its settings.
fn knowing(apps: &[&str]) -> Arc<Authority> {
    let registrations = apps.iter().map(|id| app(id, ClientAuthentication::None)).collect();
    Arc::new(Authority::new(AuthoritySettings {
        issuer: "https://issuer.example".to_owned(),
        audiences: Vec::new(),
        key_folder: None,
        keys: keys(),
        registrations,
        lifetimes: Lifetimes::default(),
        initial_access: None,
    }))
}

// covers N-34
#[rstest]
#[actix_web::test]
async fn subscription_of_an_unregistered_app_ends(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut stage = Stage::idle(backend, settings()).await;
    let receiver = Receiver::willing();
    stage.authority = Some(knowing(&["epr", "gp"]));
    stage.go_on();
    let subscribe = |stage: &Stage, app: &str| {
        let principal = Principal::System { name: app.to_owned() };
        let caller = Caller { app: Some(app.into()), ..Caller::direct(principal) };
        let id = stage.subscribe_as(&caller, draft(&receiver));
        stage.wait_for_status(id, SubscriptionStatus::Active);
        id
    };
    let (epr, gp) = (subscribe(&stage, "epr"), subscribe(&stage, "gp"));
    stage.change(1).await;
    for id in [epr, gp] {
        stage.wait_for_sent(id, 1);
    }
    stage.stop();
    stage.authority = Some(knowing(&["gp"]));
    stage.go_on();
    stage.change(1).await;
    stage.wait_for_sent(gp, 2);
    let found = stage.wait_for_status(epr, SubscriptionStatus::Error);
    assert_eq!(found.error.as_deref(), Some("revoked: the app is no longer registered"));
    assert_eq!(stage.find(epr).1.sent_number, 1);
    assert_eq!(receiver.all().len(), 5, "two greetings, and three events");
}

// covers N-35
#[rstest]
#[actix_web::test]
async fn every_delivery_is_in_audit_and_metrics_without_personal_data(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    let receiver = Receiver::willing();
    let (id, _) = subscribe(&stage, &receiver.url("/notify?key=secret"), "id-only").await;
    stage.change(1).await;
    stage.wait_for_sent(id, 1);
    let record = "SELECT query || ' ' || COALESCE(patient, '') AS value FROM audit_records \
                  WHERE act = 'notification-sent' ORDER BY id";
    let records = crate::support::sql::values(&stage.app.database_url(), record);
    let host = receiver.address.to_string();
    assert_eq!(records, [format!("{host} "), format!("{host} {}", crate::vrs::known::CHILD)]);
    for (request, status) in [
        (Request::new("GET", "/metrics"), 401),
        (Request::new("GET", "/metrics").bearer("another"), 401),
        (Request::new("GET", "/metrics").bearer(METRICS_TOKEN), 200),
    ] {
        let answer = stage.app.send(request).await;
        assert_eq!(answer.status, status);
        let body = String::from_utf8_lossy(&answer.body);
        assert!(status == 200 || body.contains("health.metrics_token_sha256"), "{body}");
    }
    let text = poll("the attempt to be counted", || {
        let metrics = stage.app.metrics.render(web::observe::Queues::default(), 0).unwrap();
        Some(String::from_utf8(metrics).unwrap())
            .filter(|text| text.contains(r#"kind="event-notification",outcome="taken"} 1"#))
    });
    assert!(text.contains(r#"onbehalf_requests_total{method="PATCH",route="#));
    assert!(text.contains("onbehalf_events_unsent 0") && text.contains("onbehalf_delivery_leases 0"));
    for personal in ["9000000", "secret", &id.to_string(), &host] {
        assert!(!text.contains(personal), "{personal}");
    }
}

/// The consumer of `examples/subscriber`, as a process.
struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Example {
    fn start(port: u16, secret: &str, state: &str, subscription: &str) -> Self {
        let program = format!("{}/examples/subscriber/subscriber.py", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("python3");
        command.args([&program, &port.to_string(), state, subscription]).env("SECRET", secret);
        let child = command.stderr(Stdio::null()).spawn().expect("python3 is here");
        poll("the example to listen", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self(child)
    }
}

#[rstest]
#[actix_web::test]
async fn the_example_of_a_consumer_checks_signatures_survives_restarts_and_fills_gaps(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    // The example uses the clock of the machine.
    let machine = std::time::UNIX_EPOCH.elapsed().unwrap();
    let drift = TimeDelta::from_std(machine).unwrap() - (stage.app.now() - chrono::DateTime::UNIX_EPOCH);
    stage.app.clock.advance(drift);
    let folder = Folder::new();
    let state = folder.path("state.json").display().to_string();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // The handshake is signed with a secret that the owner reads only afterwards: so the subscription is
    // created off.
    let mut body = backport("proxy-role-changed", "id-only", &[]);
    body["channel"]["endpoint"] = format!("http://127.0.0.1:{port}/").into();
    body["status"] = "off".into();
    let mut created = send_well(&stage.app, post("/Subscription", &body), 201).await;
    let id: Uuid = created["id"].as_str().unwrap().parse().unwrap();
    let secret = send_well(&stage.app, get(&format!("/Subscription/{id}/$secret")), 200).await;
    let secret = secret["parameter"][0]["valueString"].as_str().unwrap().to_owned();
    let url = format!("http://{}{}/Subscription/{id}", stage.app.address, api_fhir::BASE_PATH);
    let example = Example::start(port, &secret, &state, &url);
    created["status"] = "requested".into();
    send_well(&stage.app, put(&format!("/Subscription/{id}"), &created), 200).await;
    stage.wait_for_status(id, SubscriptionStatus::Active);
    stage.change(2).await;
    stage.wait_for_sent(id, 2);
    drop(example);
    // The state of an hour ago: event 2 was lost by the consumer, which detects it.
    let known =
        |path: &str| -> Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let mut old = known(&state);
    assert_eq!(old["last"], 2);
    old["last"] = 1.into();
    old["events"].as_array_mut().unwrap().truncate(1);
    std::fs::write(&state, old.to_string()).unwrap();
    let _example = Example::start(port, &secret, &state, &url);
    stage.change(1).await;
    stage.wait_for_sent(id, 3);
    let all: BTreeMap<i64, bool> = known(&state)["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["number"].as_i64().unwrap(), event["focus"].is_string()))
        .collect();
    assert_eq!(all, BTreeMap::from([(1, true), (2, true), (3, true)]));
    // A request without the right signature is refused.
    let forged = Request::post("/", "{}").header("webhook-id", "1").header("webhook-signature", "v1,AAAA");
    assert_eq!(forged.send(format!("127.0.0.1:{port}").parse().unwrap()).await.status, 401);
}
