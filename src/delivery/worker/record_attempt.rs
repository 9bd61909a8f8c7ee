//! Stores an attempt with all that it changes, and decides the next step.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::context::WorkerContext;
use super::next_action::{NextAction, next_action};
use super::prepare::{PreparedNotification, find_revocation};
use super::schedule::next_delay;
use base::error::Error;
use base::ids;
use domain::account::Caller;
use domain::audit::{Access, Act, Actor, Disclosure, Outcome, People};
use domain::event::{Attempt, Delivery, DeliveryFailure, Notice, Subscription, SubscriptionStatus};
use service::event::channel::sender::SendResult;
use service::event::channel::sockets::NOT_CONNECTED;
use service::event::{Next, give_status};
use store::Tx;
use web::observe::Metrics;

/// After so many 401 or 403 responses in a row the subscription is in error: its owner must act.
const MOST_UNAUTHORISED: i64 = 3;

/// A completed attempt.
pub(super) struct CompletedAttempt {
    pub(super) id: Uuid,
    pub(super) prepared: Box<PreparedNotification>,
    pub(super) sent: SendResult,
    pub(super) at: DateTime<Utc>,
    pub(super) duration: TimeDelta,
}

impl CompletedAttempt {
    fn failure(&self) -> Option<&DeliveryFailure> {
        self.sent.outcome.as_ref().err()
    }

    /// The failure for people: its code, and the HTTP status if there was one.
    fn description(failure: &DeliveryFailure, status: Option<u16>) -> String {
        status.map_or_else(|| failure.code.to_owned(), |status| format!("{}: HTTP {status}", failure.code))
    }

    /// Counts the attempt in the metrics.
    pub(super) fn count(&self, metrics: &Metrics) {
        let code = self.failure().map_or("taken", |failure| failure.code);
        metrics.count_attempt(self.prepared.notice.kind(), code);
        if let (Notice::Events(events), None) = (&self.prepared.notice, self.failure()) {
            for one in events {
                metrics.observe_lag((self.at + self.duration - one.event.occurred_at).num_milliseconds());
            }
        }
    }

    fn attempt(&self) -> Attempt {
        Attempt {
            id: self.id,
            at: self.at,
            kind: self.prepared.notice.kind(),
            numbers: self.prepared.notice.numbers(),
            outcome: self.sent.outcome.clone(),
            status: self.sent.status,
            duration: self.duration,
            answer: self.sent.answer.clone(),
        }
    }

    /// The audit record: the subscriber was notified, about which people, and the outcome.
    fn access(&self, subscription: &Subscription) -> Access {
        let actor = Actor {
            app: subscription.owner.app.as_deref().map(str::to_owned),
            grant: subscription.owner.grant,
            ..Actor::of(&Caller::SERVICE)
        };
        let outcome = self.failure().map_or(Outcome::Allowed, |failure| Outcome::Failed(failure.code));
        let access = Access::new(Act::NotificationSent, actor, self.at)
            .of(&format!("Subscription/{}", subscription.id))
            .by(&self.prepared.host)
            .ended(outcome);
        let has_left = self.sent.status.is_some()
            || self.failure().is_none_or(|failure| matches!(failure.code, "timeout" | "closed"));
        let mut disclosed = Vec::new();
        if let (Notice::Events(events), true) =
            (&self.prepared.notice, self.prepared.names_people && has_left)
        {
            let people = events
                .iter()
                .map(|one| People { patient: Some(one.event.patient), proxy: Some(one.event.proxy) });
            let mut people: Vec<People> = people.collect();
            people.sort_unstable();
            people.dedup();
            disclosed.extend(people.into_iter().map(Disclosure::Of));
        }
        Access { disclosed, ..access }
    }
}

/// Stores an attempt, if one was made, and every change that must precede the next. Returns whether another
/// notification is due: then the lease is extended, else it is returned.
pub(super) fn record_attempt(
    tx: &mut Tx<'_>,
    context: &WorkerContext,
    id: Uuid,
    completed: Option<&CompletedAttempt>,
    may_go_on: bool,
) -> Result<bool, Error> {
    let (parts, now) = (&context.parts, context.parts.clock.now());
    let Some(mut delivery) = tx.lock_delivery(id)? else { return Ok(false) };
    let Some(mut current) = tx.find_subscription(id)? else { return Ok(false) };
    let is_ours = tx.renew_lease(id, &context.holder, now + parts.settings.lease)?;
    // Events that were not sent yet are sent anyway.
    let sent = delivery.sent_number;
    delivery.resend = delivery
        .resend
        .map(|(first, until)| (first, until.min(sent)))
        .filter(|(first, until)| first <= until);
    if let Some(completed) = completed {
        tx.insert_attempt(id, &completed.attempt())?;
        tx.record_access(&completed.access(&current.value))?;
        if is_ours {
            let is_same = completed.prepared.version == current.version;
            if let Some(next) = apply(context, &current.value, &mut delivery, completed, is_same, now)? {
                current = give_status(tx, current, next, now)?;
            }
        }
    }
    if !is_ours {
        return Ok(false);
    }
    let revoked = find_revocation(tx, context, &current.value.owner, now)?;
    let next = loop {
        let next = next_action(&current.value, &delivery, revoked, parts.settings.most_events, now);
        let NextAction::SetStatus(status, why) = next else { break next };
        current = give_status(tx, current, (status, why), now)?;
    };
    delivery.due_at = match &next {
        NextAction::Wait(until) => *until,
        NextAction::Handshake
        | NextAction::Events { .. }
        | NextAction::Heartbeat
        | NextAction::SetStatus(..) => Some(now),
    };
    if let NextAction::Events { last, is_resent: false, .. } = next {
        delivery.batch_until = Some(last);
    }
    tx.save_delivery(id, &delivery)?;
    let goes_on = next.is_sent() && may_go_on;
    if !goes_on {
        tx.release_leases(&[id], &context.holder)?;
    }
    Ok(goes_on)
}

/// The changes after an attempt; and the new status, if it changes. An attempt for a subscription that its
/// owner has changed meanwhile does not affect it.
fn apply(
    context: &WorkerContext,
    subscription: &Subscription,
    delivery: &mut Delivery,
    completed: &CompletedAttempt,
    is_same: bool,
    now: DateTime<Utc>,
) -> Result<Option<Next>, Error> {
    delivery.sent_at = Some(now);
    if let Err(failure) = &completed.sent.outcome {
        if failure.code == NOT_CONNECTED {
            // The subscriber opens a new web socket when it wants to.
            delivery.is_bound = false;
            return Ok(None);
        }
        return if is_same {
            fail(context, subscription, delivery, (completed, failure), now)
        } else {
            Ok(None)
        };
    }
    delivery.succeeded_at = Some(now);
    match completed.prepared.action {
        NextAction::Events { last, is_resent: false, .. } => {
            delivery.sent_number = delivery.sent_number.max(last);
            delivery.batch_until = None;
        }
        NextAction::Events { last, is_resent: true, .. } => {
            delivery.resend =
                delivery.resend.map(|(_, until)| (last + 1, until)).filter(|(first, until)| first <= until);
        }
        NextAction::Handshake | NextAction::Heartbeat | NextAction::SetStatus(..) | NextAction::Wait(_) => {}
    }
    if is_same {
        (delivery.failures, delivery.failing_since, delivery.last_error) = (0, None, None);
    }
    let is_handshake = completed.prepared.action == NextAction::Handshake && is_same;
    Ok(is_handshake.then_some((SubscriptionStatus::Active, None)))
}

/// The changes after a failure.
fn fail(
    context: &WorkerContext,
    subscription: &Subscription,
    delivery: &mut Delivery,
    (completed, failure): (&CompletedAttempt, &DeliveryFailure),
    now: DateTime<Utc>,
) -> Result<Option<Next>, Error> {
    use SubscriptionStatus::{Error as InError, Off};
    let settings = &context.parts.settings;
    let description = CompletedAttempt::description(failure, completed.sent.status);
    delivery.failures += 1;
    delivery.failing_since = delivery.failing_since.or(Some(now));
    delivery.last_error = Some(description.clone());
    if completed.sent.status == Some(410) {
        return Ok(Some((Off, Some(format!("the endpoint no longer exists ({description})")))));
    }
    if completed.prepared.action == NextAction::Handshake {
        return Ok(Some((InError, Some(format!("no-response: the handshake failed ({description})")))));
    }
    if failure.is_final {
        return Ok(Some((InError, Some(format!("the endpoint must not be called ({description})")))));
    }
    if failure.code == "unauthorised" && delivery.failures >= MOST_UNAUTHORISED {
        return Ok(Some((InError, Some(format!("the endpoint rejected the credentials ({description})")))));
    }
    let [chance]: [u8; 1] = ids::random_bytes().map_err(Error::fault)?;
    let delay = next_delay(
        &settings.retries,
        delivery.failures,
        chance,
        failure.retry_after,
        settings.most_retry_after,
    );
    let Some(delay) = delay else {
        let tries = delivery.failures;
        tracing::warn!(subscription = %subscription.id, tries, "subscription in error: its endpoint does not accept notifications");
        return Ok(Some((
            InError,
            Some(format!("no-response: {tries} attempts failed, the last with {description}")),
        )));
    };
    delivery.due_at = Some(now + delay);
    Ok(None)
}
