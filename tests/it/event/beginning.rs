//! A subscription receives events committed after it, and none that was committed before.

use std::sync::mpsc;
use std::thread;

use base::error::Error;
use domain::account::{Caller, Principal};
use domain::event::SubscriptionStatus::{Off, Requested};
use domain::event::{SubscriptionDraft, SubscriptionStatus};
use rstest::rstest;
use service::event::change_subscription;
use uuid::Uuid;

use super::stage::{Stage, draft, publish, settings};
use crate::support::{Backend, Receiver};

fn turn(stage: &Stage, id: Uuid, asked: SubscriptionStatus, draft: SubscriptionDraft) {
    let caller = Caller::direct(Principal::System { name: "test".to_owned() });
    let turned = stage.app.store.write_here(|tx| {
        let current = tx.find_subscription(id)?.expect("it is there");
        let draft = SubscriptionDraft { asked, ..draft };
        change_subscription(tx, &*stage.app.clock, &stage.app.vault, &caller, current, draft, 1000)
            .map_err(crate::event::stage::to_error)
    });
    assert_eq!(turned.expect("it is changed").value.status, asked);
}

#[rstest]
#[actix_web::test]
async fn events_committed_before_a_subscription_are_not_delivered_to_it(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::idle(backend, settings()).await;
    let receiver = Receiver::willing();
    let earlier = stage.subscribe(draft(&receiver));
    stage.publish(3);
    let later = stage.subscribe(draft(&receiver));
    stage.publish(2);
    stage.assign_event_numbers();
    let last = |id| stage.find(id).1.last_number;
    assert_eq!((last(earlier), last(later)), (5, 2));
    assert_eq!(stage.app.count_rows("unheard_events"), 0, "nothing is kept of it");
    // A subscription that is off receives nothing, and starts from the present when it is re-activated.
    turn(&stage, later, Off, draft(&receiver));
    stage.publish(4);
    turn(&stage, later, Requested, draft(&receiver));
    stage.publish(1);
    stage.assign_event_numbers();
    assert_eq!((last(earlier), last(later)), (10, 3));
}

/// Of the two databases PostgreSQL alone has two writers at a time.
#[actix_web::test]
async fn events_committed_after_a_subscription_are_delivered_even_if_begun_before() {
    let stage = Stage::idle(Backend::Postgres, settings()).await;
    let receiver = Receiver::willing();
    let (begin, begun) = mpsc::channel();
    let (end, may_end) = mpsc::channel::<()>();
    let (store, now) = (stage.app.store.clone(), stage.app.now());
    let slow = thread::spawn(move || {
        store.write_here::<_, Error, _>(|tx| {
            publish(tx, 1, now)?;
            begin.send(()).expect("the receiver waits");
            may_end.recv().map_err(Error::fault)
        })
    });
    begun.recv().expect("the event is written");
    stage.advance(60);
    let id = stage.subscribe(draft(&receiver));
    stage.assign_event_numbers();
    assert_eq!(stage.find(id).1.last_number, 0);
    end.send(()).expect("the receiver waits");
    slow.join().expect("no panic").expect("it commits");
    stage.assign_event_numbers();
    assert_eq!(stage.find(id).1.last_number, 1);
}
