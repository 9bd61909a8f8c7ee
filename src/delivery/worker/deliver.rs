//! Delivers the notifications of one subscription, from its lease until none is due.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use uuid::Uuid;

use super::context::{Leased, Signal, WorkerContext};
use super::prepare::{PreparedDelivery, prepare};
use super::record_attempt::{CompletedAttempt, record_attempt};
use super::target::DeliveryTarget;
use crate::channel::{NO_STREAM, UNROUTABLE};
use base::error::{Error, ErrorKind};
use base::ids;
use service::event::channel::sender::SendResult;
use service::event::channel::sockets::NOT_CONNECTED;

/// The most notifications under one lease, so that other subscriptions get their turn.
const MOST: usize = 50;
/// How long a slot is held, from the first notification to the beginning of the last.
const LONGEST: Duration = Duration::from_secs(5);
/// How often a transaction is retried that lost a race, or found the database busy.
const TRIES: u32 = 5;

/// Serves a subscription, and notifies the loop at the end.
pub(super) async fn deliver(context: Arc<WorkerContext>, leased: Leased) {
    let Leased { due, target } = leased;
    if let Err(error) = serve(&context, due.subscription, &target).await {
        let (kind, cause) = (error.kind(), error.cause());
        tracing::error!(subscription = %due.subscription, ?kind, cause, "delivery to a subscription failed");
        let id = due.subscription;
        let (holder, until) = (context.holder.clone(), context.parts.clock.now() + TimeDelta::seconds(1));
        let given_back = context.parts.store.write(move |tx| tx.postpone(&[id], &holder, until)).await;
        // If this fails, the lease expires by itself.
        drop::<Result<(), Error>>(given_back);
    }
    drop(context.signals.send(Signal::Ended { subscription: due.subscription, target }));
}

async fn serve(context: &Arc<WorkerContext>, id: Uuid, target: &DeliveryTarget) -> Result<(), Error> {
    let taken = Instant::now();
    for left in (0..MOST).rev() {
        if context.is_stopping() {
            // The loop returns all leases together.
            break;
        }
        let found = retry_with_backoff(|| {
            let within = Arc::clone(context);
            context.parts.store.read(move |tx| prepare(tx, &within, id))
        });
        let completed = match found.await? {
            PreparedDelivery::Send(prepared) => {
                let at = context.parts.clock.now();
                let begun = Instant::now();
                let sent = context.parts.sender.send(&prepared.outbound).await;
                let duration = TimeDelta::from_std(begun.elapsed()).unwrap_or(TimeDelta::MAX);
                let took = begun.elapsed();
                context.hosts().report(target, is_there(&sent), took, context.parts.clock.now());
                Some(Arc::new(CompletedAttempt { id: ids::new_uuid(at), prepared, sent, at, duration }))
            }
            PreparedDelivery::RecordFirst => None,
            PreparedDelivery::Quarantine(why, error) => return quarantine(context, id, why, &error).await,
            PreparedDelivery::NotFound => return Ok(()),
        };
        // A slow subscriber returns its slot to those that wait, and queues for another.
        let may_go_on = left > 0 && taken.elapsed() < LONGEST;
        let settled = retry_with_backoff(|| {
            let (within, completed) = (Arc::clone(context), completed.clone());
            context
                .parts
                .store
                .write(move |tx| record_attempt(tx, &within, id, completed.as_deref(), may_go_on))
        });
        let goes_on = settled.await?;
        if let Some(completed) = &completed {
            completed.count(&context.parts.metrics);
        }
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// Whether an attempt shows that the host is up, whether or not it accepted the message. `None` where it
/// shows nothing: a subscriber without an open web socket connects when it wants to.
fn is_there(sent: &SendResult) -> Option<bool> {
    match &sent.outcome {
        Ok(()) => Some(true),
        Err(failure) if failure.code == NOT_CONNECTED => None,
        // The broker is up: it reported that this subscription's destination has no queue or stream.
        Err(failure) if [UNROUTABLE, NO_STREAM].contains(&failure.code) => Some(true),
        Err(_) => Some(sent.status.is_some_and(|status| status < 500 && status != 429)),
    }
}

/// Retries a transaction that lost to a concurrent change, or found the database busy.
async fn retry_with_backoff<T, F>(mut work: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut tries = 0;
    loop {
        match work().await {
            Err(error)
                if tries < TRIES
                    && matches!(error.kind(), ErrorKind::Busy | ErrorKind::PreconditionFailed) =>
            {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20) * 2_u32.pow(tries)).await;
            }
            result => return result,
        }
    }
}

async fn quarantine(
    context: &WorkerContext,
    id: Uuid,
    why: &'static str,
    error: &Error,
) -> Result<(), Error> {
    tracing::error!(subscription = %id, cause = error.cause(), "subscription quarantined: {why}");
    let now = context.parts.clock.now();
    context.parts.store.write(move |tx| tx.quarantine_subscription(&id.to_string(), why, now)).await.map(drop)
}
