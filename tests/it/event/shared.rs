//! Several processes share the work, and a dead one is replaced.

use std::collections::HashSet;

use base::clock::Clock as _;
use base::error::Error;
use chrono::TimeDelta;
use domain::event::SubscriptionStatus;
use rstest::rstest;
use store::Lease;

use super::stage::{Stage, draft, numbers, settings};
use crate::support::{Backend, Receiver, sql};

#[rstest]
#[actix_web::test]
async fn two_processes_deliver_once_and_in_order(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::start(backend).await;
    let second = stage.another();
    let receivers: Vec<Receiver> = (0..6).map(|_| Receiver::willing()).collect();
    let ids: Vec<_> = receivers.iter().map(|receiver| stage.subscribe(draft(receiver))).collect();
    for id in &ids {
        stage.wait_for_status(*id, SubscriptionStatus::Active);
    }
    for _ in 0..40 {
        stage.publish(5);
    }
    for (id, receiver) in ids.iter().zip(&receivers) {
        stage.wait_for_sent(*id, 200);
        assert_eq!(numbers(&receiver.all()), (1..=200).collect::<Vec<i64>>());
    }
    second.stop(std::time::Duration::from_secs(5));
}

#[rstest]
#[actix_web::test]
async fn the_lease_of_a_killed_process_is_taken_over_when_it_ends_and_not_before(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut stage = Stage::start(backend).await;
    let receiver = Receiver::willing();
    let id = stage.subscribe(draft(&receiver));
    stage.wait_for_status(id, SubscriptionStatus::Active);
    stage.stop();
    let (clock, renderer) = (stage.app.clock.clone(), stage.renderer.clone());
    stage.publish(3);
    // A process numbers events, leases a subscription, and dies.
    let leased = stage.app.store.write_here(|tx| {
        service::event::numbering::assign_event_numbers(
            tx,
            &*clock,
            &*renderer,
            &service::event::numbering::authorization::EventAuthorizations::default(),
        )
        .expect("the events are numbered");
        let lease = Lease { holder: "killed", length: TimeDelta::seconds(90), limit: 10, most_events: 2 };
        tx.lease_due(lease, clock.now())
    });
    let leased: Result<_, Error> = leased;
    assert_eq!(leased.unwrap().len(), 1);
    stage.publish(2);
    let other = stage.another();
    let published = || {
        sql::number(&stage.app.database_url(), "SELECT CAST(last_number AS TEXT) AS value FROM deliveries")
    };
    crate::support::poll::poll("the events to be numbered", || (published() == 5).then_some(()));
    stage.advance(89);
    assert_eq!((stage.find(id).1.sent_number, receiver.all().len()), (0, 1));
    stage.advance(2);
    stage.wait_for_sent(id, 5);
    drop(other);
    let all = receiver.all();
    assert_eq!(numbers(&all), [1, 2, 3, 4, 5]);
    // A notification that the first had started is sent unchanged.
    assert_eq!(numbers(&all[1..2]), [1, 2]);
}

#[rstest]
#[actix_web::test]
async fn stopping_process_releases_its_leases(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut stage = Stage::start(backend).await;
    let receivers: Vec<Receiver> = (0..3).map(|_| Receiver::willing()).collect();
    for receiver in &receivers {
        let id = stage.subscribe(draft(receiver));
        stage.wait_for_status(id, SubscriptionStatus::Active);
    }
    stage.publish(1000);
    stage.stop();
    let held = "SELECT CAST(count(*) AS TEXT) AS value FROM deliveries WHERE lease_holder IS NOT NULL";
    assert_eq!(sql::number(&stage.app.database_url(), held), 0);
}

/// A hundred subscriptions to everything cost no more statements than one.
#[rstest]
#[actix_web::test]
async fn numbering_statements_do_not_grow_with_subscriptions(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::idle(backend, settings()).await;
    let receiver = Receiver::willing();
    let (clock, renderer) = (stage.app.clock.clone(), stage.renderer.clone());
    let mut costs = HashSet::new();
    for more in [1, 99] {
        for _ in 0..more {
            stage.subscribe(draft(&receiver));
        }
        stage.publish(20);
        let before = stage.app.store.statements();
        let numbered = stage.app.store.write_here(|tx| {
            service::event::numbering::assign_event_numbers(
                tx,
                &*clock,
                &*renderer,
                &service::event::numbering::authorization::EventAuthorizations::default(),
            )
        });
        assert_eq!(numbered.expect("the events are numbered"), 20);
        costs.insert(stage.app.store.statements() - before);
    }
    assert_eq!(costs.len(), 1, "{costs:?}");
    assert!(costs.iter().all(|cost| *cost <= 16), "{costs:?}");
}
