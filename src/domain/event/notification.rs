//! What is sent to a consumer, and what came of it.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::event::event::Event;
use crate::event::subscription::SubscriptionStatus;

/// An event with its number in a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// From 1, without a gap.
    pub number: i64,
    /// What happened.
    pub event: Event,
}

/// Why something is sent (`SubscriptionStatus.type`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// To see whether anybody is there.
    Handshake,
    /// To say that we are there.
    Heartbeat,
    /// Because these happened.
    Events(Vec<Numbered>),
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its id: the same however often it is tried, so that a consumer knows a duplicate.
    pub id: String,
    /// When it was put together.
    pub at: DateTime<Utc>,
    /// The status of the subscription, as it is told.
    pub status: SubscriptionStatus,
    /// How many events there were since the subscription began, those of this notification included.
    pub events_since_start: i64,
    /// Why it is sent.
    pub notice: Notice,
}

/// Why a consumer did not take something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A short code for the log and the metrics: `timeout`, `tls`, `connect`, `status`, `redirect`, `forbidden-address`, …
    pub code: &'static str,
    /// Whether it makes no sense to try again (the consumer said 410, or may not be called at all).
    pub is_final: bool,
    /// When the consumer wants to be called again (`Retry-After`).
    pub retry_after: Option<TimeDelta>,
}

/// One attempt to tell a consumer something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which attempt: a UUIDv7.
    pub id: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    /// `handshake`, `heartbeat` or `event-notification`.
    pub kind: &'static str,
    /// The first and the last number of its events.
    pub numbers: Option<(i64, i64)>,
    /// How it ended.
    pub outcome: Result<(), Failure>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// How long it took.
    pub duration: TimeDelta,
    /// The beginning of what the consumer answered, a kilobyte at most.
    pub answer: Option<String>,
}

/// How far a subscription is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The number of its last event.
    pub last_number: i64,
    /// The number of the last event that its consumer has taken.
    pub sent_number: i64,
    /// The last number of the notification that is being sent. It has the same events at every attempt.
    pub batch_until: Option<i64>,
    /// When there is something to send, or to try again.
    pub due_at: Option<DateTime<Utc>>,
    /// Attempts in a row that failed.
    pub failures: i64,
    /// When the first of them was made.
    pub failing_since: Option<DateTime<Utc>>,
    /// Events to be sent once more: from, and up to.
    pub resend: Option<(i64, i64)>,
    /// When something was last sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// When something was last taken.
    pub succeeded_at: Option<DateTime<Utc>>,
    /// What was wrong the last time.
    pub last_error: Option<String>,
    /// Of a websocket: whether a process holds its socket.
    pub is_bound: bool,
}

impl Failure {
    /// Something that can be different next time.
    pub const fn passing(code: &'static str) -> Self {
        Self { code, is_final: false, retry_after: None }
    }

    /// Something that will be the same however often it is tried.
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
