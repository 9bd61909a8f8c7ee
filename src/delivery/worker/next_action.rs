//! The next step of delivery for a subscription: a pure decision.

use chrono::{DateTime, Utc};

use domain::event::{ChannelType, Delivery, Subscription, SubscriptionStatus};

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextAction {
    /// The handshake: the first call to the endpoint.
    Handshake,
    /// A notification with events.
    Events {
        /// The number of the first.
        first: i64,
        /// The number of the last.
        last: i64,
        /// Whether it is sent again because the owner asked for it.
        is_resent: bool,
    },
    /// A heartbeat: a notification without events.
    Heartbeat,
    /// A change of status.
    SetStatus(SubscriptionStatus, Option<String>),
    /// Nothing, until this time.
    Wait(Option<DateTime<Utc>>),
}

impl NextAction {
    /// Whether the step sends a notification.
    pub(super) const fn is_sent(&self) -> bool {
        match self {
            Self::Handshake | Self::Events { .. } | Self::Heartbeat => true,
            Self::SetStatus(..) | Self::Wait(_) => false,
        }
    }
}

/// Decides the step. `revoked` is why the owner may get no more events, if so; `most` is the most events of
/// one notification.
pub(super) fn next_action(
    subscription: &Subscription,
    delivery: &Delivery,
    revoked: Option<&str>,
    most: i64,
    now: DateTime<Utc>,
) -> NextAction {
    use SubscriptionStatus::{Active, Error, Off, Requested};
    let Subscription { status, channel, .. } = subscription;
    let is_away = channel.kind == ChannelType::WebSocket && !delivery.is_bound;
    if subscription.is_deleted || matches!(status, Off | Error) {
        return NextAction::Wait(None);
    }
    if subscription.end.is_some_and(|end| end <= now) {
        return NextAction::SetStatus(Off, None);
    }
    if let Some(revoked) = revoked {
        return NextAction::SetStatus(Error, Some(revoked.to_owned()));
    }
    if is_away {
        return NextAction::Wait(None);
    }
    if *status == Requested {
        return if subscription.needs_handshake() {
            NextAction::Handshake
        } else {
            NextAction::SetStatus(Active, None)
        };
    }
    if let Some(due_at) = delivery.due_at.filter(|due_at| delivery.failures > 0 && now < *due_at) {
        return NextAction::Wait(Some(due_at));
    }
    let size = subscription.batch_size(most);
    if let Some((first, until)) = delivery.resend {
        let until = until.min(delivery.sent_number);
        if first <= until {
            return NextAction::Events { first, last: until.min(first + size - 1), is_resent: true };
        }
    }
    if delivery.sent_number < delivery.last_number {
        let first = delivery.sent_number + 1;
        let begun = delivery.batch_until.filter(|until| *until >= first);
        let last = begun.unwrap_or(first + size - 1).min(delivery.last_number);
        return NextAction::Events { first, last, is_resent: false };
    }
    let Some(heartbeat) = channel.heartbeat.filter(|_| subscription.has_handshake()) else {
        return NextAction::Wait(None);
    };
    match delivery.sent_at.map(|sent| sent + heartbeat) {
        Some(at) if now < at => NextAction::Wait(Some(at)),
        Some(_) | None => NextAction::Heartbeat,
    }
}
