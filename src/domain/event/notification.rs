//! Notifications, and the result of sending them.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::event::event::Event;
use crate::event::subscription::SubscriptionStatus;

/// An event with its number in a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// From 1, without a gap.
    pub number: i64,
    /// The event.
    pub event: Event,
}

/// The type of a notification (`SubscriptionStatus.type`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Tests whether the consumer answers.
    Handshake,
    /// Shows that the service is running.
    Heartbeat,
    /// These events.
    Events(Vec<Numbered>),
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its id: the same in every attempt, so that a consumer recognises a duplicate.
    pub id: String,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The status of the subscription that it reports.
    pub status: SubscriptionStatus,
    /// The number of events since the subscription began, those of this notification included.
    pub events_since_start: i64,
    /// Its type.
    pub notice: Notice,
}

/// Why a delivery failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryFailure {
    /// A short code for the log and the metrics: `timeout`, `tls`, `connect`, `status`, `redirect`, `forbidden-address`, …
    pub code: &'static str,
    /// Whether a retry is useless (the consumer answered 410, or may not be called at all).
    pub is_final: bool,
    /// When the consumer asks for a retry (`Retry-After`).
    pub retry_after: Option<TimeDelta>,
}

/// One delivery attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its id: a UUIDv7.
    pub id: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    /// `handshake`, `heartbeat` or `event-notification`.
    pub kind: &'static str,
    /// The first and the last number of its events.
    pub numbers: Option<(i64, i64)>,
    /// Its outcome.
    pub outcome: Result<(), DeliveryFailure>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// How long it took.
    pub duration: TimeDelta,
    /// The beginning of the consumer's response, a kilobyte at most.
    pub answer: Option<String>,
}

/// The delivery state of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The number of its last event.
    pub last_number: i64,
    /// The number of the last event that its consumer has accepted.
    pub sent_number: i64,
    /// The last number of the notification that is being sent. Every attempt has the same events.
    pub batch_until: Option<i64>,
    /// When there is something to send or retry.
    pub due_at: Option<DateTime<Utc>>,
    /// Consecutive failed attempts.
    pub failures: i64,
    /// When the first of them was made.
    pub failing_since: Option<DateTime<Utc>>,
    /// Events to be sent again: from, and up to.
    pub resend: Option<(i64, i64)>,
    /// The last attempt.
    pub sent_at: Option<DateTime<Utc>>,
    /// The last successful attempt.
    pub succeeded_at: Option<DateTime<Utc>>,
    /// The last error.
    pub last_error: Option<String>,
    /// For a WebSocket: whether a process holds the connection.
    pub is_bound: bool,
}

impl DeliveryFailure {
    /// A transient failure.
    pub const fn transient(code: &'static str) -> Self {
        Self { code, is_final: false, retry_after: None }
    }

    /// A permanent failure.
    pub const fn lasting(code: &'static str) -> Self {
        Self { code, is_final: true, retry_after: None }
    }
}

impl Notice {
    /// FHIR's code of the notification's type.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Heartbeat => "heartbeat",
            Self::Events(_) => "event-notification",
        }
    }

    /// The first and the last number of its events.
    pub fn numbers(&self) -> Option<(i64, i64)> {
        match self {
            Self::Events(events) => Some((events.first()?.number, events.last()?.number)),
            Self::Handshake | Self::Heartbeat => None,
        }
    }
}
