//! The next step of delivery for a subscription: a pure decision.

use chrono::{DateTime, Utc};

use domain::event::{ChannelType, Delivery, Subscription, SubscriptionStatus};

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The handshake: the first call to the endpoint.
    Greet,
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
    Become(SubscriptionStatus, Option<String>),
    /// Nothing, until this time.
    Rest(Option<DateTime<Utc>>),
}

impl Step {
    /// Whether the step sends a notification.
    pub(super) const fn is_sent(&self) -> bool {
        match self {
            Self::Greet | Self::Events { .. } | Self::Heartbeat => true,
            Self::Become(..) | Self::Rest(_) => false,
        }
    }
}

/// Decides the step. `lapsed` is why the owner may get no more events, if so; `most` is the most events of
/// one notification.
pub(super) fn step(
    subscription: &Subscription,
    delivery: &Delivery,
    lapsed: Option<&str>,
    most: i64,
    now: DateTime<Utc>,
) -> Step {
    use SubscriptionStatus::{Active, Error, Off, Requested};
    let Subscription { status, channel, .. } = subscription;
    let is_away = channel.kind == ChannelType::WebSocket && !delivery.is_bound;
    if subscription.is_deleted || matches!(status, Off | Error) {
        return Step::Rest(None);
    }
    if subscription.end.is_some_and(|end| end <= now) {
        return Step::Become(Off, None);
    }
    if let Some(lapsed) = lapsed {
        return Step::Become(Error, Some(lapsed.to_owned()));
    }
    if is_away {
        return Step::Rest(None);
    }
    if *status == Requested {
        return if subscription.is_greeted() { Step::Greet } else { Step::Become(Active, None) };
    }
    if let Some(due_at) = delivery.due_at.filter(|due_at| delivery.failures > 0 && now < *due_at) {
        return Step::Rest(Some(due_at));
    }
    let size = subscription.batch_size(most);
    if let Some((first, until)) = delivery.resend {
        let until = until.min(delivery.sent_number);
        if first <= until {
            return Step::Events { first, last: until.min(first + size - 1), is_resent: true };
        }
    }
    if delivery.sent_number < delivery.last_number {
        let first = delivery.sent_number + 1;
        let begun = delivery.batch_until.filter(|until| *until >= first);
        let last = begun.unwrap_or(first + size - 1).min(delivery.last_number);
        return Step::Events { first, last, is_resent: false };
    }
    let Some(heartbeat) = channel.heartbeat.filter(|_| subscription.has_handshake()) else {
        return Step::Rest(None);
    };
    match delivery.sent_at.map(|sent| sent + heartbeat) {
        Some(at) if now < at => Step::Rest(Some(at)),
        Some(_) | None => Step::Heartbeat,
    }
}
