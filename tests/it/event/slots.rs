//! Slots of delivery are shared between owners and domains: a slow consumer delays its own owner.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::account::{Caller, Principal, Proofing};
use domain::event::{SubscriptionDraft, SubscriptionStatus, Topic};
use domain::person::{NhsNumber, NumberCheck};
use rstest::rstest;

use super::stage::{Stage, draft_to, settings};
use crate::support::poll::poll;
use crate::support::{Backend, Receiver, ReceiverResponse};
use crate::vrs::known::MOTHER;

/// A consumer that answers at once until it is made slow; then it counts, and takes so long.
fn slow(seconds: u64, is_slow: &Arc<AtomicBool>, held: &Arc<AtomicUsize>) -> Receiver {
    let (is_slow, held) = (Arc::clone(is_slow), Arc::clone(held));
    Receiver::start(move |_| {
        if is_slow.load(Ordering::SeqCst) {
            held.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_secs(seconds));
        }
        ReceiverResponse::status(200)
    })
}

#[rstest]
#[actix_web::test]
async fn owner_with_slow_consumers_does_not_delay_another_owner(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::with(backend, settings()).await;
    let nhs_number = NhsNumber::parse(MOTHER, NumberCheck::Length).expect("a number");
    let citizen = Caller::direct(Principal::Citizen { nhs_number, proofing: Proofing::P9 });
    let (is_slow, held) = (Arc::default(), Arc::default());
    let ports: Vec<Receiver> = (0..10).map(|_| slow(25, &is_slow, &held)).collect();
    let all = ports.iter().flat_map(|port| (0..8).map(|_| port.url("/notify")));
    let slow: Vec<_> = all
        .map(|url| {
            let heartbeat = Some(TimeDelta::seconds(3600));
            let draft = draft_to(&url);
            let channel = domain::event::Channel { heartbeat, ..draft.channel };
            stage.subscribe_as(
                &citizen,
                SubscriptionDraft { channel, topics: vec![Topic::RoleChanged], ..draft },
            )
        })
        .collect();
    for id in &slow {
        poll("the greeting", || {
            // Those that found all slots of their owner taken ask again a second later.
            stage.advance(1);
            (stage.find(*id).0.status == SubscriptionStatus::Active).then_some(())
        });
    }
    let quick = Receiver::willing_at("127.0.0.2");
    let id = stage.subscribe(draft_to(&quick.url("/notify")));
    stage.wait_for_status(id, SubscriptionStatus::Active);
    // Each of the citizen's subscriptions has this event, and once it is sent hangs for 25 seconds; and is
    // due for a heartbeat besides.
    is_slow.store(true, Ordering::SeqCst);
    stage.publish(1);
    poll("the slow consumers to hold slots", || (held.load(Ordering::SeqCst) > 0).then_some(()));
    stage.advance(3600);
    std::thread::sleep(Duration::from_millis(500));
    for number in 2..=4 {
        let begun = Instant::now();
        stage.publish(1);
        stage.wait_for_sent(id, number);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    let held = held.load(Ordering::SeqCst);
    assert!(held <= settings().concurrency / 4, "{held} slots are held");
}
