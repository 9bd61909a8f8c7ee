//! Deliveries to a consumer that answers.

use base::error::Error;
use chrono::TimeDelta;
use domain::event::{Channel, Payload, Style, SubscriptionDraft, SubscriptionStatus};
use rstest::rstest;
use service::event::{open_signing, resend, rotate_secret};
use standardwebhooks::Webhook;

use super::stage::{Stage, draft, numbers, settings};
use crate::support::poll::poll;
use crate::support::{Backend, ReceivedRequest, Receiver, ReceiverResponse};

// covers N-04, N-05, N-21, N-28, KIT-4.01
#[rstest]
#[actix_web::test]
async fn handshake_precedes_events_in_order(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let stage = Stage::start(backend).await;
    let receiver = Receiver::willing();
    let id = stage.subscribe(draft(&receiver));
    stage.wait_for_status(id, SubscriptionStatus::Active);
    for _ in 0..3 {
        stage.publish(1);
        let sent = stage.find(id).1.last_number;
        stage.wait_for_sent(id, sent.max(1));
    }
    stage.wait_for_sent(id, 3);
    let all = receiver.all();
    let greeting = all[0].json();
    assert_eq!(
        (greeting["type"].as_str(), greeting["status"].as_str(), greeting["since"].as_i64()),
        (Some("handshake"), Some("requested"), Some(0))
    );
    assert_eq!(numbers(&all), [1, 2, 3]);
    for one in &all {
        assert_eq!((one.method.as_str(), one.path.as_str()), ("POST", "/notify"));
        assert_eq!(one.header("content-type"), Some("application/fhir+json"));
        assert_eq!(one.header("x-own"), Some("of the subscriber"));
    }
    for one in &all[1..] {
        let body = one.json();
        assert_eq!(
            (body["type"].as_str(), body["status"].as_str()),
            (Some("event-notification"), Some("active"))
        );
        assert_eq!(body["since"], body["events"].as_array().and_then(|all| all.last()).unwrap()["number"]);
    }
    let log = stage.attempts(id);
    assert!(log.iter().all(|attempt| attempt.is_taken && attempt.status == Some(200)));
    assert_eq!((log[0].kind.as_str(), log[1].first_number.is_some()), ("handshake", true));
}

// covers N-24
#[rstest]
#[actix_web::test]
async fn notification_keeps_to_max_count(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let stage = Stage::start(backend).await;
    let receiver = Receiver::willing();
    let wanted = draft(&receiver);
    let three = SubscriptionDraft {
        channel: Channel { max_count: Some(3), ..wanted.channel.clone() },
        ..wanted.clone()
    };
    let one = SubscriptionDraft {
        style: Style::National,
        channel: Channel { payload: Some(Payload::CloudEvent), ..wanted.channel.clone() },
        ..wanted
    };
    let (three, one) = (stage.subscribe(three), stage.subscribe(one));
    for id in [three, one] {
        stage.wait_for_status(id, SubscriptionStatus::Active);
    }
    stage.publish(7);
    for id in [three, one] {
        stage.wait_for_sent(id, 7);
    }
    let sizes = |id: uuid::Uuid| -> Vec<usize> {
        let all = receiver.all();
        let own = all.iter().map(ReceivedRequest::json).filter(|body| body["subscription"] == id.to_string());
        own.filter(|body| body["type"] == "event-notification")
            .map(|body| body["events"].as_array().map_or(0, Vec::len))
            .collect()
    };
    assert_eq!((sizes(three), sizes(one)), (vec![3, 3, 1], vec![1; 7]));
    // A national consumer would not understand a handshake Bundle: the first call has no body.
    let kinds: Vec<String> = stage.attempts(one).into_iter().map(|attempt| attempt.kind).collect();
    assert_eq!(kinds, [vec!["handshake"; 1], vec!["event-notification"; 7]].concat());
}

// covers N-35
#[rstest]
#[actix_web::test]
async fn delivery_is_signed_with_present_and_former_secret(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::start(backend).await;
    // The library that verifies the signature uses the clock of the machine.
    let drift = chrono::DateTime::<chrono::Utc>::from(std::time::UNIX_EPOCH)
        + TimeDelta::from_std(std::time::UNIX_EPOCH.elapsed().unwrap()).unwrap()
        - stage.app.now();
    stage.app.clock.advance(drift);
    let receiver = Receiver::willing();
    let id = stage.subscribe(draft(&receiver));
    let subscription = stage.wait_for_status(id, SubscriptionStatus::Active);
    let first = open_signing(&stage.app.vault, &subscription.secrets.signing).unwrap();
    let (clock, vault) = (stage.app.clock.clone(), stage.app.vault.clone());
    let rotated: Result<_, Error> = stage
        .app
        .store
        .write_here(|tx| rotate_secret(tx, &*clock, &vault, subscription, TimeDelta::hours(1)));
    let second = rotated.unwrap().0;
    stage.publish(1);
    stage.wait_for_sent(id, 1);
    stage.advance(3600);
    stage.publish(1);
    stage.wait_for_sent(id, 2);
    let all = receiver.wait_for(3);
    assert_eq!((verify(&first, &all[0]), verify(&second, &all[0])), (true, false));
    assert_eq!((verify(&first, &all[1]), verify(&second, &all[1])), (true, true));
    assert!(!verify(&second, &ReceivedRequest { body: b"another body".to_vec(), ..all[1].clone() }));
    let signatures = |one: &ReceivedRequest| one.header("webhook-signature").unwrap().split(' ').count();
    assert_eq!(
        all.iter().map(signatures).collect::<Vec<_>>(),
        [1, 2, 1],
        "the former secret signs for an hour"
    );
}

// covers N-16
#[rstest]
#[actix_web::test]
async fn resend_delivers_events_with_their_numbers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::start(backend).await;
    let receiver = Receiver::willing();
    let id = stage.subscribe(draft(&receiver));
    stage.wait_for_status(id, SubscriptionStatus::Active);
    stage.publish(5);
    stage.wait_for_sent(id, 5);
    let before = receiver.all().len();
    let subscription = stage.find(id).0;
    let clock = stage.app.clock.clone();
    let asked: Result<(), Error> =
        stage.app.store.write_here(|tx| resend(tx, &*clock, &subscription, (2, 4)));
    asked.unwrap();
    let all = receiver.wait_for(before + 1);
    assert_eq!(numbers(&all[before..]), [2, 3, 4]);
    let first = |number: i64| {
        let all: Vec<_> =
            all.iter().flat_map(|one| one.json()["events"].as_array().cloned().unwrap()).collect();
        let ids: Vec<_> =
            all.iter().filter(|event| event["number"] == number).map(|event| event["id"].clone()).collect();
        ids
    };
    assert!(first(3).len() == 2 && first(3)[0] == first(3)[1]);
    poll("the resending to be over", || stage.find(id).1.resend.is_none().then_some(()));
    assert_eq!(stage.find(id).1.sent_number, 5);
}

// covers N-27, KIT-4.02
#[rstest]
#[actix_web::test]
async fn heartbeat_is_sent_only_when_due_and_requested(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::start(backend).await;
    let (living, quiet) = (Receiver::willing(), Receiver::willing());
    let wanted = draft(&living);
    let heartbeat = Some(TimeDelta::seconds(60));
    let beating = stage
        .subscribe(SubscriptionDraft { channel: Channel { heartbeat, ..wanted.channel.clone() }, ..wanted });
    let silent = stage.subscribe(draft(&quiet));
    for id in [beating, silent] {
        stage.wait_for_status(id, SubscriptionStatus::Active);
    }
    stage.advance(40);
    stage.publish(1);
    for id in [beating, silent] {
        stage.wait_for_sent(id, 1);
    }
    stage.advance(40);
    stage.publish(1);
    for id in [beating, silent] {
        stage.wait_for_sent(id, 2);
    }
    // Twice forty seconds had something in them.
    assert!(!living.all().iter().any(|one| one.json()["type"] == "heartbeat"));
    stage.advance(61);
    let all = poll("a heartbeat", || {
        let all = living.all();
        all.last().is_some_and(|one| one.json()["type"] == "heartbeat").then_some(all)
    });
    let last = all.last().unwrap().json();
    assert_eq!((last["status"].as_str(), last["since"].as_i64()), (Some("active"), Some(2)));
    poll("the heartbeat to be written down", || {
        (stage.attempts(beating).last()?.kind == "heartbeat").then_some(())
    });
    assert!(stage.attempts(silent).iter().all(|attempt| attempt.kind != "heartbeat"));
}

// covers N-09
#[rstest]
#[actix_web::test]
async fn expired_subscription_is_off(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let stage = Stage::start(backend).await;
    let receiver = Receiver::willing();
    let end = Some(stage.app.now() + TimeDelta::hours(1));
    let id = stage.subscribe(SubscriptionDraft { end, ..draft(&receiver) });
    stage.wait_for_status(id, SubscriptionStatus::Active);
    stage.advance(3601);
    stage.publish(1);
    stage.wait_for_status(id, SubscriptionStatus::Off);
    poll("the event to be numbered", || {
        let waiting = stage.app.store.read_here::<_, Error, _>(|tx| tx.count_waiting_events());
        (waiting.unwrap().0 == 0).then_some(())
    });
    assert_eq!(receiver.all().len(), 1, "only the greeting");
}

// covers N-20
#[rstest]
#[actix_web::test]
async fn events_during_an_outage_are_delivered_afterwards(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut stage = Stage::start(backend).await;
    let receiver = Receiver::start(|_| ReceiverResponse::status(202));
    let id = stage.subscribe(draft(&receiver));
    stage.wait_for_status(id, SubscriptionStatus::Active);
    stage.stop();
    stage.publish(250);
    let worker = stage.another();
    stage.wait_for_sent(id, 250);
    drop(worker);
    assert_eq!(numbers(&receiver.all()), (1..=250).collect::<Vec<i64>>());
    assert_eq!(settings().most_events, 100);
}

fn verify(secret: &str, one: &ReceivedRequest) -> bool {
    let mut headers = reqwest::header::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, one.header(name).expect("a line").parse().expect("a value"));
    }
    Webhook::new(secret).expect("a secret").verify(&one.body, &headers).is_ok()
}
