//! The interface of a delivery channel: it sends one message to one consumer.

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::event::renderer::RenderedNotification;
use domain::event::{ChannelType, DeliveryFailure};

/// A message to send.
#[derive(Clone)]
pub struct OutboundMessage {
    /// Its subscription.
    pub subscription: Uuid,
    /// The channel type.
    pub kind: ChannelType,
    /// The consumer's URL.
    pub endpoint: String,
    /// The subscriber's own headers, then those of the signature. Never logged.
    pub headers: Vec<(String, String)>,
    /// The message.
    pub message: RenderedNotification,
    /// The time limit.
    pub timeout: TimeDelta,
}

/// The result of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendResult {
    /// Whether the consumer has accepted it.
    pub outcome: Result<(), DeliveryFailure>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// The beginning of the consumer's response, a kilobyte at most.
    pub answer: Option<String>,
}

/// A channel.
pub trait ChannelSender: Send + Sync {
    /// Sends a message, and returns every outcome as a result within the time limit.
    fn send<'a>(&'a self, outbound: &'a OutboundMessage) -> BoxFuture<'a, SendResult>;
}
