//! Failing consumers: the effect on their own subscription, and none on others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use base::error::Error;
use chrono::TimeDelta;
use domain::account::{Caller, Principal};
use domain::audit::Act;
use domain::event::{Channel, SubscriptionDraft, SubscriptionStatus};
use rstest::rstest;
use service::event::settings::Subscriptions;
use service::job::Job;

use super::stage::{Stage, draft, draft_to, numbers, settings};
use crate::job::{runner_with, settings as jobs};
use crate::support::poll::poll;
use crate::support::{Backend, Receiver, ReceiverResponse, sql};

/// A consumer whose answer can be changed. It begins with 200.
fn moody() -> (Receiver, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let text = Arc::clone(&status);
    (Receiver::start(move |_| ReceiverResponse::status(text.load(Ordering::SeqCst))), status)
}

fn short() -> Subscriptions {
    Subscriptions { retries: [10, 100].map(TimeDelta::seconds).to_vec(), ..settings() }
}

// covers N-04
#[rstest]
#[actix_web::test]
async fn failed_handshake_sets_error_and_is_not_retried(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::start(backend).await;
    let (refusing, moving) = (
        Receiver::start(|_| ReceiverResponse::status(500)),
        Receiver::start(|_| ReceiverResponse::With(302, "Location: http://127.0.0.1:1/\r\n", "")),
    );
    for (receiver, text) in [(&refusing, "status: HTTP 500"), (&moving, "redirect: HTTP 302")] {
        let id = stage.subscribe(draft(receiver));
        let found = stage.wait_for_status(id, SubscriptionStatus::Error);
        assert_eq!(found.error, Some(format!("no-response: the handshake failed ({text})")));
        stage.publish(1);
        stage.advance(100_000);
        poll("the event to be numbered", || (stage.find(id).1.last_number > 0).then_some(()));
        assert_eq!((receiver.all().len(), stage.find(id).1.due_at), (1, None));
    }
}

// covers N-21, N-22, N-25, N-26
#[rstest]
#[actix_web::test]
async fn unreachable_consumer_is_retried_by_schedule_then_subscription_is_error(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::with(backend, short()).await;
    let (receiver, status) = moody();
    let id = stage.subscribe(draft(&receiver));
    stage.wait_for_status(id, SubscriptionStatus::Active);
    status.store(503, Ordering::SeqCst);
    stage.publish(2);
    let delivery = stage.wait_for_failures(id, 1);
    assert_eq!(delivery.last_error.as_deref(), Some("status: HTTP 503"));
    let wait = (delivery.due_at.unwrap() - stage.app.now()).num_seconds();
    assert!((8..=12).contains(&wait), "{wait}");
    stage.publish(3);
    stage.advance(13);
    stage.wait_for_failures(id, 2);
    stage.advance(121);
    let found = stage.wait_for_status(id, SubscriptionStatus::Error);
    assert_eq!(
        found.error.as_deref(),
        Some("no-response: 3 attempts failed, the last with status: HTTP 503")
    );
    let all = receiver.all();
    assert_eq!(numbers(&all), [1, 2, 1, 2, 1, 2], "the same events at every attempt");
    let ids: Vec<_> = all[1..].iter().map(|one| one.header("webhook-id").unwrap().to_owned()).collect();
    assert!(ids.windows(2).all(|two| two[0] == two[1]) && ids[0] != all[0].header("webhook-id").unwrap());
    stage.publish(1);
    poll("the counter to go on", || (stage.find(id).1.last_number == 6).then_some(()));
    let numbered: Result<_, Error> = stage.app.store.read_here(|tx| tx.list_events_of(id, 1, 100, 100));
    assert_eq!(numbered.unwrap().iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let acts = stage.app.store.read_here::<_, Error, _>(|tx| tx.list_acts(&format!("Subscription/{id}")));
    let acts = acts.unwrap();
    assert_eq!(acts.len(), 3, "created, active, error");
    assert_eq!((acts[2].0.as_str(), acts[2].1.as_str()), (Act::SubscriptionChanged.as_str(), "service"));
}

// covers N-25
#[rstest]
#[actix_web::test]
async fn retry_after_of_a_consumer_is_respected_up_to_the_maximum(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::start(backend).await;
    for (line, expected) in [
        ("Retry-After: 120\r\n", 120),
        ("Retry-After: 99999999\r\n", 3600),
        ("Retry-After: Sun, 22 Nov 2026 12:10:00 GMT\r\n", 600),
    ] {
        let receiver = Receiver::start(move |one| {
            if one.json()["type"] == "handshake" {
                ReceiverResponse::status(200)
            } else {
                ReceiverResponse::With(429, line, "later")
            }
        });
        let id = stage.subscribe(draft(&receiver));
        stage.wait_for_status(id, SubscriptionStatus::Active);
        stage.publish(1);
        let delivery = stage.wait_for_failures(id, 1);
        assert_eq!((delivery.due_at.unwrap() - stage.app.now()).num_seconds(), expected, "{line}");
        let last = stage.attempts(id).pop().unwrap();
        assert_eq!(
            (last.status, last.failure.as_deref(), last.answer.as_deref()),
            (Some(429), Some("status"), Some("later"))
        );
    }
}

// covers N-25
#[rstest]
#[actix_web::test]
async fn consumer_410_ends_the_subscription_and_401_sets_error(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::start(backend).await;
    let (gone, gone_status) = moody();
    let (strange, strange_status) = moody();
    let (first, second) = (stage.subscribe(draft(&gone)), stage.subscribe(draft(&strange)));
    for id in [first, second] {
        stage.wait_for_status(id, SubscriptionStatus::Active);
    }
    gone_status.store(410, Ordering::SeqCst);
    strange_status.store(401, Ordering::SeqCst);
    stage.publish(1);
    let found = stage.wait_for_status(first, SubscriptionStatus::Off);
    assert_eq!(found.error.as_deref(), Some("the endpoint no longer exists (gone: HTTP 410)"));
    for failures in 1..3 {
        stage.wait_for_failures(second, failures);
        stage.advance(10);
    }
    let found = stage.wait_for_status(second, SubscriptionStatus::Error);
    assert_eq!(
        found.error.as_deref(),
        Some("the endpoint rejected the credentials (unauthorised: HTTP 401)")
    );
    assert_eq!(stage.find(second).1.failures, 3);
}

// covers N-25, N-32
#[rstest]
#[actix_web::test]
async fn bad_responses_are_logged_as_attempts_and_affect_no_other_subscription(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::start(backend).await;
    let bad = [
        (ReceiverResponse::Hang, "timeout", None),
        (ReceiverResponse::Drip, "timeout", None),
        (ReceiverResponse::Half, "closed", Some(200)),
        (ReceiverResponse::Close, "closed", None),
        (ReceiverResponse::Endless(500), "status", Some(500)),
        (ReceiverResponse::With(307, "Location: /elsewhere\r\n", ""), "redirect", Some(307)),
    ];
    let mut all = Vec::new();
    for (answer, code, status) in bad {
        let receiver = Receiver::start(move |one| {
            if one.json()["type"] == "handshake" { ReceiverResponse::status(200) } else { answer.clone() }
        });
        let wanted = draft(&receiver);
        let timeout = Some(TimeDelta::seconds(3));
        let id = stage.subscribe(SubscriptionDraft {
            channel: Channel { timeout, ..wanted.channel.clone() },
            ..wanted
        });
        stage.wait_for_status(id, SubscriptionStatus::Active);
        all.push((receiver, id, code, status));
    }
    let well = Receiver::willing();
    let taking = stage.subscribe(draft(&well));
    let endless = Receiver::start(|_| ReceiverResponse::Endless(200));
    let ignored = stage.subscribe(draft(&endless));
    for id in [taking, ignored] {
        stage.wait_for_status(id, SubscriptionStatus::Active);
    }
    let begun = Instant::now();
    stage.publish(1);
    for id in [taking, ignored] {
        stage.wait_for_sent(id, 1);
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "failing consumers delay no other");
    for (_, id, code, status) in &all {
        stage.wait_for_failures(*id, 1);
        let last = stage.attempts(*id).pop().unwrap();
        assert_eq!(
            (last.failure.as_deref(), last.status, last.is_taken),
            (Some(*code), *status, false),
            "{code}"
        );
        assert!(last.answer.as_ref().is_none_or(|answer| answer.len() <= 1024));
        assert!(last.duration_ms < 10_000, "{code}");
    }
}

// covers N-26
#[rstest]
#[actix_web::test]
async fn unreachable_consumer_does_not_delay_another(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let few = Subscriptions { concurrency: 8, concurrency_per_host: 2, ..settings() };
    let stage = Stage::with(backend, few).await;
    let dead = Receiver::start(|one| {
        if one.json()["type"] == "handshake" { ReceiverResponse::status(200) } else { ReceiverResponse::Hang }
    });
    let hanging: Vec<_> = (0..12).map(|_| stage.subscribe(draft(&dead))).collect();
    for id in &hanging {
        poll("the greeting", || {
            stage.advance(1);
            (stage.find(*id).0.status == SubscriptionStatus::Active).then_some(())
        });
    }
    stage.publish(1);
    dead.wait_for(14);
    // Of another owner and domain: delays are per owner and domain.
    let living = Receiver::willing_at("127.0.0.2");
    let other = Caller::direct(Principal::System { name: "other".to_owned() });
    let id = stage.subscribe_as(&other, draft(&living));
    stage.wait_for_status(id, SubscriptionStatus::Active);
    let begun = Instant::now();
    for number in 1..=5 {
        stage.publish(1);
        stage.wait_for_sent(id, number);
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

// covers N-32
#[rstest]
#[actix_web::test]
async fn unreadable_subscription_is_quarantined_and_stops_no_other(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut stage = Stage::start(backend).await;
    let receiver = Receiver::willing();
    let ids: Vec<_> = (0..4).map(|_| stage.subscribe(draft(&receiver))).collect();
    for id in &ids {
        stage.wait_for_status(*id, SubscriptionStatus::Active);
    }
    stage.stop();
    let [well, unreadable, untold, panicking] = ids.try_into().unwrap();
    let corrupt = format!("UPDATE subscriptions SET owner = '{{}}' WHERE id = '{unreadable}'");
    sql::execute(&stage.app.database_url(), &corrupt);
    stage.renderer.failing.lock().unwrap().insert(untold);
    stage.renderer.panicking.lock().unwrap().insert(panicking);
    stage.renderer.asked.lock().unwrap().insert(panicking);
    let worker = stage.another();
    stage.publish(1);
    stage.wait_for_sent(well, 1);
    let state = |id: uuid::Uuid| {
        let overview = stage.app.store.read_here::<_, Error, _>(|tx| tx.find_overview(id));
        let overview = overview.unwrap().unwrap();
        (overview.status, overview.error.is_some())
    };
    for id in [unreadable, untold, panicking] {
        poll("it to be set aside", || (state(id) == ("error".to_owned(), true)).then_some(()));
    }
    stage.publish(1);
    stage.wait_for_sent(well, 2);
    drop(worker);
}

// covers N-25
#[rstest]
#[actix_web::test]
async fn connection_failures_are_classified(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let stage = Stage::start(backend).await;
    let plain = Receiver::willing();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for (endpoint, code) in [
        (format!("http://{closed}/"), "connect"),
        // It responds in plain HTTP.
        (format!("https://{}/", plain.address), "tls"),
    ] {
        let id = stage.subscribe(draft_to(&endpoint));
        let found = stage.wait_for_status(id, SubscriptionStatus::Error);
        assert_eq!(found.error, Some(format!("no-response: the handshake failed ({code})")));
    }
}

#[rstest]
#[actix_web::test]
async fn delivered_events_are_purged_after_retention_and_undelivered_kept(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let once = Subscriptions { retries: vec![TimeDelta::seconds(1)], ..settings() };
    let stage = Stage::with(backend, once).await;
    let (willing, dead) = (Receiver::willing(), Receiver::start(|_| ReceiverResponse::status(503)));
    let heard = stage.subscribe(draft(&willing));
    stage.wait_for_status(heard, SubscriptionStatus::Active);
    let unheard = stage.subscribe(draft(&dead));
    stage.wait_for_status(unheard, SubscriptionStatus::Error);
    stage.publish(3);
    stage.wait_for_sent(heard, 3);
    poll("numbers", || Some(stage.find(unheard).1.last_number).filter(|last| *last == 3));
    let silent = Receiver::start(|_| ReceiverResponse::Hang);
    let waiting = stage.subscribe(draft(&silent));
    stage.publish(1);
    stage.wait_for_sent(heard, 4);
    let runner = runner_with(&stage.app, jobs());
    let purge = Job::find("purge").expect("there is such a job");
    let kept = || stage.app.count_rows("subscription_events");
    assert!(runner.run_now(&purge).expect("the database answers"));
    assert_eq!(kept(), 4 + 4 + 1);
    stage.advance(31 * 24 * 3600);
    assert!(runner.run_now(&purge).expect("the database answers"));
    assert_eq!(kept(), 1, "a consumer with a pending handshake gets the event afterwards");
    assert_eq!((stage.app.count_rows("outbox"), stage.find(waiting).1.last_number), (0, 1));
    stage
        .app
        .store
        .write_here::<_, Error, _>(|tx| tx.restart_delivery(unheard, None))
        .expect("the database answers");
    let delivery = stage.find(unheard).1;
    assert_eq!((delivery.sent_number, delivery.last_number), (4, 4), "what is gone cannot be sent");
    stage.publish(1);
    stage.wait_for_sent(heard, 5);
    assert_eq!(numbers(&willing.all()), [1, 2, 3, 4, 5]);
}
