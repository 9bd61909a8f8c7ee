//! Figures of delivery. Not part of the suite:
//!
//! `tests/run --release --test it -- --ignored --nocapture measure_delivery`

use std::collections::HashMap;
use std::time::{Duration, Instant};

use onbehalf::audit::Subject;
use onbehalf::clock::Clock as _;
use onbehalf::config::Subscriptions;
use onbehalf::error::Error;
use onbehalf::event::{SubscriptionStatus, Topic};
use onbehalf::person::{NhsNumber, NumberCheck};
use rstest::rstest;
use uuid::Uuid;

use super::chaos::events;
use super::stage::{Stage, draft, settings};
use crate::support::{Backend, Receiver};
use crate::vrs::known::{CHILD, MOTHER, MOTHERS_ROLE};

/// Writes one event in a transaction of its own, and says when its commit was answered.
fn commit(stage: &Stage) -> Instant {
    let number = |text| NhsNumber::parse(text, NumberCheck::Length).expect("a number");
    let subject = Subject {
        reference: format!("Consent/{MOTHERS_ROLE}"),
        version: 1,
        patient: number(CHILD),
        proxy: number(MOTHER),
    };
    let now = stage.app.clock.now();
    let written: Result<_, Error> =
        stage.app.store.write_here(|tx| tx.publish(Topic::RoleChanged, &subject, now));
    written.expect("the event is written");
    Instant::now()
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len() - 1);
    sorted[at].as_secs_f64() * 1000.0
}

/// The times from each commit to the first byte at the consumer.
fn latencies(stage: &Stage, receiver: &Receiver, count: i64, pause: Duration) -> Vec<Duration> {
    let before: i64 =
        receiver.all().iter().flat_map(events).map(|(number, _)| number).max().unwrap_or_default();
    let begun = Instant::now();
    let committed: Vec<Instant> = (1..=count)
        .map(|version| {
            let due = begun + pause * u32::try_from(version).expect("few events");
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            commit(stage)
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut first: HashMap<i64, Instant> = HashMap::new();
    while first.len() < committed.len() {
        assert!(Instant::now() < deadline, "events are left");
        std::thread::sleep(Duration::from_millis(20));
        for one in receiver.all() {
            for (number, _) in events(&one) {
                if number > before {
                    first.entry(number).or_insert(one.at);
                }
            }
        }
    }
    let mut taken: Vec<Duration> = (before + 1..)
        .zip(&committed)
        .map(|(number, at)| first[&number].saturating_duration_since(*at))
        .collect();
    taken.sort();
    taken
}

#[rstest]
#[ignore = "it measures, and takes a minute"]
#[actix_web::test]
async fn measure_delivery(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let many = Subscriptions { concurrency_per_host: 64, ..settings() };
    let stage = Stage::real(backend, many.clone()).await;
    let receiver = Receiver::willing();
    let id = stage.subscribe(draft(&receiver));
    stage.wait_for_status(id, SubscriptionStatus::Active);
    for (what, count, pause) in [("idle", 200, 50), ("200 changes/s", 2000, 5)] {
        let taken = latencies(&stage, &receiver, count, Duration::from_millis(pause));
        println!(
            "{backend:?} | commit to first byte, {what} | p50 {:.1} ms | p99 {:.1} ms",
            percentile(&taken, 50),
            percentile(&taken, 99)
        );
    }
    drop(stage);
    for subscribers in [1, 10, 100] {
        let stage = Stage::real(backend, many.clone()).await;
        let receivers: Vec<Receiver> = (0..subscribers).map(|_| Receiver::willing()).collect();
        let ids: Vec<Uuid> = receivers.iter().map(|receiver| stage.subscribe(draft(receiver))).collect();
        for id in &ids {
            stage.wait_for_status(*id, SubscriptionStatus::Active);
        }
        let events = 10_000 / i64::from(subscribers).max(5);
        let begun = Instant::now();
        stage.publish(events);
        for id in &ids {
            stage.wait_for_sent(*id, events);
        }
        let seconds = begun.elapsed().as_secs_f64();
        let told = u32::try_from(events * i64::from(subscribers)).expect("few events");
        println!(
            "{backend:?} | {subscribers} subscribers | {events} events in {seconds:.2} s | {:.0} told/s",
            f64::from(told) / seconds
        );
    }
}
