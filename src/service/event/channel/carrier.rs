//! What delivery asks of a channel: to carry one message to one consumer.

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::event::front::Message;
use domain::event::{ChannelType, Failure};

/// A message on its way.
#[derive(Clone)]
pub struct Parcel {
    /// Of which subscription.
    pub subscription: Uuid,
    /// By which way.
    pub kind: ChannelType,
    /// To whom: a URL.
    pub endpoint: String,
    /// What goes with it: the subscriber's own lines, then those of the signature. Never logged.
    pub headers: Vec<(String, String)>,
    /// What is carried.
    pub message: Message,
    /// How long that may take.
    pub timeout: TimeDelta,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Whether the consumer has taken it.
    pub outcome: Result<(), Failure>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// The beginning of what the consumer answered, a kilobyte at most.
    pub answer: Option<String>,
}

/// A channel.
pub trait Carrier: Send + Sync {
    /// Carries a message. Whatever happens is told in what comes back, within the time allowed.
    fn carry<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Carried>;
}
