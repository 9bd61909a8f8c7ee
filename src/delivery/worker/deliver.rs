//! Delivers the notifications of one subscription, from its lease until none is due.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use uuid::Uuid;

use super::context::{Context, Leased, Signal};
use super::look::{Look, look};
use super::place::Place;
use super::settle::{Made, settle};
use crate::channel::{NO_STREAM, UNROUTABLE};
use base::error::{Error, Kind};
use base::ids;
use service::event::channel::carrier::Carried;
use service::event::channel::sockets::NOT_CONNECTED;

/// The most notifications under one lease, so that other subscriptions get their turn.
const MOST: usize = 50;
/// How long a slot is held, from the first notification to the beginning of the last.
const LONGEST: Duration = Duration::from_secs(5);
/// How often a transaction is retried that lost a race, or found the database busy.
const TRIES: u32 = 5;

/// Serves a subscription, and notifies the loop at the end.
pub(super) async fn deliver(context: Arc<Context>, leased: Leased) {
    let Leased { due, place } = leased;
    if let Err(error) = serve(&context, due.subscription, &place).await {
        let (kind, cause) = (error.kind(), error.cause());
        tracing::error!(subscription = %due.subscription, ?kind, cause, "delivery to a subscription failed");
        let id = due.subscription;
        let (holder, until) = (context.holder.clone(), context.parts.clock.now() + TimeDelta::seconds(1));
        let given_back = context.parts.store.write(move |tx| tx.postpone(&[id], &holder, until)).await;
        // If this fails, the lease expires by itself.
        drop::<Result<(), Error>>(given_back);
    }
    drop(context.signals.send(Signal::Ended { subscription: due.subscription, place }));
}

async fn serve(context: &Arc<Context>, id: Uuid, place: &Place) -> Result<(), Error> {
    let taken = Instant::now();
    for left in (0..MOST).rev() {
        if context.is_stopping() {
            // The loop returns all leases together.
            break;
        }
        let found = patiently(|| {
            let within = Arc::clone(context);
            context.parts.store.read(move |tx| look(tx, &within, id))
        });
        let made = match found.await? {
            Look::Send(outgoing) => {
                let at = context.parts.clock.now();
                let begun = Instant::now();
                let carried = context.parts.carrier.carry(&outgoing.parcel).await;
                let duration = TimeDelta::from_std(begun.elapsed()).unwrap_or(TimeDelta::MAX);
                let took = begun.elapsed();
                context.hosts().report(place, is_there(&carried), took, context.parts.clock.now());
                Some(Arc::new(Made { id: ids::new_uuid(at), outgoing, carried, at, duration }))
            }
            Look::Settle => None,
            Look::SetAside(why, error) => return set_aside(context, id, why, &error).await,
            Look::Gone => return Ok(()),
        };
        // A slow subscriber returns its slot to those that wait, and queues for another.
        let may_go_on = left > 0 && taken.elapsed() < LONGEST;
        let settled = patiently(|| {
            let (within, made) = (Arc::clone(context), made.clone());
            context.parts.store.write(move |tx| settle(tx, &within, id, made.as_deref(), may_go_on))
        });
        let goes_on = settled.await?;
        if let Some(made) = &made {
            made.count(&context.parts.metrics);
        }
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// Whether an attempt shows that the host is up, whether or not it accepted the message. `None` where it
/// shows nothing: a subscriber without an open web socket connects when it wants to.
fn is_there(carried: &Carried) -> Option<bool> {
    match &carried.outcome {
        Ok(()) => Some(true),
        Err(failure) if failure.code == NOT_CONNECTED => None,
        // The broker is up: it reported that this subscription's destination has no queue or stream.
        Err(failure) if [UNROUTABLE, NO_STREAM].contains(&failure.code) => Some(true),
        Err(_) => Some(carried.status.is_some_and(|status| status < 500 && status != 429)),
    }
}

/// Retries a transaction that lost to a concurrent change, or found the database busy.
async fn patiently<T, F>(mut work: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut tries = 0;
    loop {
        match work().await {
            Err(error) if tries < TRIES && matches!(error.kind(), Kind::Busy | Kind::PreconditionFailed) => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20) * 2_u32.pow(tries)).await;
            }
            result => return result,
        }
    }
}

async fn set_aside(context: &Context, id: Uuid, why: &'static str, error: &Error) -> Result<(), Error> {
    tracing::error!(subscription = %id, cause = error.cause(), "subscription quarantined: {why}");
    let now = context.parts.clock.now();
    context.parts.store.write(move |tx| tx.set_subscription_aside(&id.to_string(), why, now)).await.map(drop)
}
