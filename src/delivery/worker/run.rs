//! The loop: numbers published events, leases due subscriptions, and starts a task for each.

use std::collections::HashSet;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::context::{Leased, Signal, WorkerContext};
use super::deliver::deliver;
use super::hosts::Admission;
use super::target::DeliveryTarget;
use base::error::{Error, ErrorKind};
use domain::event::SubscriptionStatus;
use service::event::give_status;
use service::event::numbering::{
    EventAuthorizations, MOST, NumberingError, UNREADABLE, assign_event_numbers, authorize_waiting_events,
};
use store::{Due, Lease, Tx};

/// How often the loop polls for commits of other processes, and for due times.
const POLL: Duration = Duration::from_millis(200);
/// How long a subscription whose host is busy waits before it is leased again.
const GIVE_WAY: TimeDelta = TimeDelta::seconds(1);
/// The most subscriptions that expire in one transaction.
const MOST_ENDED: i64 = 100;

/// The state of the loop.
struct Loop {
    context: Arc<WorkerContext>,
    tasks: JoinSet<()>,
    /// Leased subscriptions that wait for a slot of their host.
    waiting: Vec<Leased>,
    /// The subscriptions of running tasks.
    running: HashSet<Uuid>,
    /// Whether the last events had to be authorized by the API.
    needs_authorization: bool,
    /// When this process last renewed its claim on its web sockets.
    said: Option<DateTime<Utc>>,
}

/// Runs until it is stopped.
pub(super) async fn run(context: Arc<WorkerContext>, mut heard: UnboundedReceiver<Signal>) {
    let mut state = Loop {
        context,
        tasks: JoinSet::new(),
        waiting: Vec::new(),
        running: HashSet::new(),
        needs_authorization: false,
        said: None,
    };
    let patience = loop {
        if let Err(error) = state.turn().await {
            let (kind, cause) = (error.kind(), error.cause());
            tracing::error!(?kind, cause, "delivery is paused: the database does not respond");
            tokio::time::sleep(POLL).await;
        }
        if let Some(patience) = state.wait(&mut heard).await {
            break patience;
        }
    };
    state.stop(patience, &mut heard).await;
}

impl Loop {
    /// Waits for work. `Some` is a request to stop, with the time that running tasks have.
    async fn wait(&mut self, heard: &mut UnboundedReceiver<Signal>) -> Option<Duration> {
        let store = self.context.parts.store.clone();
        let signal = {
            let (published, signalled) = (pin!(store.wait_for_events()), pin!(heard.recv()));
            match tokio::time::timeout(POLL, select(published, signalled)).await {
                Ok(Either::Right((signal, _))) => {
                    // All senders are gone.
                    Some(signal.unwrap_or(Signal::Stop(Duration::ZERO)))
                }
                Ok(Either::Left(_)) | Err(_) => None,
            }
        };
        let mut next = signal;
        while let Some(signal) = next {
            match signal {
                Signal::Ended { subscription, target } => self.ended(subscription, &target),
                Signal::Stop(patience) => return Some(patience),
            }
            next = heard.try_recv().ok();
        }
        while self.tasks.try_join_next().is_some() {}
        None
    }

    fn ended(&mut self, subscription: Uuid, target: &DeliveryTarget) {
        self.running.remove(&subscription);
        self.context.hosts().end(target);
    }

    fn start(&mut self, leased: Leased) {
        self.running.insert(leased.due.subscription);
        self.tasks.spawn(deliver(Arc::clone(&self.context), leased));
    }

    /// Does the work that is due.
    async fn turn(&mut self) -> Result<(), Error> {
        let parts = &self.context.parts;
        let now = parts.clock.now();
        let queued = mem::take(&mut self.waiting);
        self.begin(queued).await?;
        let parts = &self.context.parts;
        let waiting = parts.store.read_one(move |tx| tx.find_waiting(now)).await?;
        if waiting.is_ended {
            self.end_all(now).await?;
        }
        self.say_what_is_bound(now).await?;
        let (mut is_published, mut is_due) = (waiting.is_published, waiting.is_due);
        loop {
            let busy = self.running.len() + self.waiting.len();
            let settings = &self.context.parts.settings;
            let free = if settings.enabled { settings.concurrency.saturating_sub(busy) } else { 0 };
            if !is_published && (free == 0 || !is_due) {
                return Ok(());
            }
            let (numbered, due) = self.number_and_lease(is_published, free).await?;
            // Subscriptions that must wait for their host make room for others at once.
            is_due = due.len() >= free;
            self.begin(due.into_iter().map(Leased::of).collect()).await?;
            is_published = i64::try_from(numbered).unwrap_or(MOST) >= MOST;
        }
    }

    /// Renews this process's claim on its web sockets, three times in a lease; and removes those of processes
    /// that have not renewed theirs.
    async fn say_what_is_bound(&mut self, now: DateTime<Utc>) -> Result<(), Error> {
        let lease = self.context.parts.settings.lease;
        if self.said.is_some_and(|said| now - said < lease / 3) {
            return Ok(());
        }
        let context = Arc::clone(&self.context);
        self.context
            .parts
            .store
            .write(move |tx| tx.renew_bindings(&context.holder, now + lease, now))
            .await?;
        self.said = Some(now);
        Ok(())
    }

    /// Numbers events and leases due subscriptions. When the API must authorize events, it does so in a read
    /// transaction before; where the last events needed no authorization, the write is first tried without.
    async fn number_and_lease(
        &mut self,
        is_published: bool,
        free: usize,
    ) -> Result<(usize, Vec<Due>), Error> {
        if !(is_published && self.needs_authorization) {
            match self.write_numbers(is_published, free, EventAuthorizations::default()).await {
                Err(NumberingError::Unauthorized) => self.needs_authorization = true,
                result => return self.settle_numbers(result).await,
            }
        }
        let context = Arc::clone(&self.context);
        let authorizations = self
            .context
            .parts
            .store
            .read(move |tx| {
                let parts = &context.parts;
                authorize_waiting_events(tx, &*parts.clock, &*parts.renderer)
            })
            .await;
        let result = match authorizations {
            Ok(authorizations) => {
                self.needs_authorization = !authorizations.is_empty();
                self.write_numbers(is_published, free, authorizations).await
            }
            Err(error) => Err(error),
        };
        self.settle_numbers(result).await
    }

    /// Numbers events and leases due subscriptions, in one transaction.
    async fn write_numbers(
        &self,
        is_published: bool,
        free: usize,
        authorizations: EventAuthorizations,
    ) -> Result<(usize, Vec<Due>), NumberingError> {
        let context = Arc::clone(&self.context);
        let write = self.context.parts.store.write(move |tx| {
            let parts = &context.parts;
            let numbered = if is_published {
                assign_event_numbers(tx, &*parts.clock, &*parts.renderer, &authorizations)?
            } else {
                0
            };
            let lease = Lease {
                holder: &context.holder,
                length: parts.settings.lease,
                limit: i64::try_from(free).unwrap_or(i64::MAX),
                most_events: parts.settings.most_events,
            };
            let due = if free > 0 { tx.lease_due(lease, parts.clock.now())? } else { Vec::new() };
            Ok::<_, NumberingError>((numbered, due))
        });
        write.await
    }

    /// Quarantines the subscription for which authorization by the API failed.
    async fn settle_numbers(
        &self,
        result: Result<(usize, Vec<Due>), NumberingError>,
    ) -> Result<(usize, Vec<Due>), Error> {
        match result {
            Ok(done) => Ok(done),
            // The next turn authorizes the events again.
            Err(NumberingError::Unauthorized) => Ok((usize::try_from(MOST).unwrap_or_default(), Vec::new())),
            Err(NumberingError::Store(error)) => Err(error),
            Err(NumberingError::Subscription(id, error)) => {
                tracing::error!(subscription = %id, cause = error.cause(), "subscription quarantined: authorizing its events failed");
                let now = self.context.parts.clock.now();
                let aside = move |tx: &mut Tx<'_>| {
                    tx.quarantine_subscription(&id.to_string(), UNREADABLE, now).map(drop)
                };
                self.context.parts.store.write(aside).await?;
                // Numbering continues at once.
                Ok((usize::try_from(MOST).unwrap_or_default(), Vec::new()))
            }
        }
    }

    /// Starts a task for each leased subscription, as far as hosts have free slots.
    async fn begin(&mut self, all: Vec<Leased>) -> Result<(), Error> {
        let now = self.context.parts.clock.now();
        let mut postponed: Vec<(DateTime<Utc>, Uuid)> = Vec::new();
        for leased in all {
            // Its task has returned the lease and is about to end, or the lease expired during the task.
            if self.running.contains(&leased.due.subscription) {
                self.waiting.push(leased);
                continue;
            }
            let admission = self.context.hosts().admit(&leased.target, now);
            match admission {
                Admission::Now => self.start(leased),
                Admission::At(until) => postponed.push((until, leased.due.subscription)),
                Admission::Full => {
                    if self.may_wait(&leased.target) {
                        self.waiting.push(leased);
                    } else {
                        postponed.push((now + GIVE_WAY, leased.due.subscription));
                    }
                }
            }
        }
        if postponed.is_empty() {
            return Ok(());
        }
        postponed.sort_unstable();
        let context = Arc::clone(&self.context);
        let postpone = move |tx: &mut Tx<'_>| {
            for together in postponed.chunk_by(|one, other| one.0 == other.0) {
                let ids: Vec<Uuid> = together.iter().map(|(_, id)| *id).collect();
                let until = together.first().map_or(now, |(until, _)| *until);
                tx.postpone(&ids, &context.holder, until)?;
            }
            Ok(())
        };
        self.context.parts.store.write(postpone).await
    }

    /// Whether a leased subscription may keep its lease while it waits for a slot: as long as its owner and
    /// its domain are below their share. A heartbeat never may.
    fn may_wait(&self, target: &DeliveryTarget) -> bool {
        let hosts = self.context.hosts();
        let of_owner = self.waiting.iter().filter(|other| other.target.owner == target.owner).count();
        let at_endpoint =
            self.waiting.iter().filter(|other| other.target.endpoint == target.endpoint).count();
        let in_domain = self.waiting.iter().filter(|other| other.target.domain == target.domain).count();
        !target.is_heartbeat
            && at_endpoint < hosts.most_waiting()
            && in_domain < hosts.share()
            && of_owner + hosts.running_of(&target.owner) < hosts.share()
    }

    /// Switches off subscriptions that have reached their end (N-09).
    async fn end_all(&self, now: DateTime<Utc>) -> Result<(), Error> {
        let end = move |tx: &mut Tx<'_>| {
            for id in tx.list_ended_subscriptions(now, MOST_ENDED)? {
                match tx.find_subscription(id) {
                    Ok(Some(current)) => {
                        drop(give_status(tx, current, (SubscriptionStatus::Off, None), now)?);
                    }
                    Ok(None) => {}
                    Err(_unreadable) => drop(tx.quarantine_subscription(&id.to_string(), UNREADABLE, now)?),
                }
            }
            Ok::<_, Error>(())
        };
        match self.context.parts.store.write(end).await {
            // The owner changed it concurrently; the next turn tries again.
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => Ok(()),
            result => result,
        }
    }

    /// Lets running tasks finish within this time, and returns all leases.
    async fn stop(mut self, patience: Duration, heard: &mut UnboundedReceiver<Signal>) {
        heard.close();
        self.context.is_stopping.store(true, Ordering::Relaxed);
        let held: Vec<Uuid> = self.waiting.iter().map(|leased| leased.due.subscription).collect();
        let ends = Instant::now() + patience;
        while let Some(left) = ends.checked_duration_since(Instant::now()).filter(|_| !self.tasks.is_empty())
        {
            if tokio::time::timeout(left, self.tasks.join_next()).await.is_err() {
                break;
            }
        }
        self.tasks.shutdown().await;
        let context = Arc::clone(&self.context);
        let released = self.context.parts.store.write(move |tx| tx.release_all_leases(&context.holder)).await;
        if let Err(error) = released {
            let error: Error = error;
            tracing::warn!(
                cause = error.cause(),
                held = held.len(),
                "leases could not be returned; they will expire"
            );
        }
    }
}
