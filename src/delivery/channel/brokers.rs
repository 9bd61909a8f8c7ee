//! The channel `message`: NATS JetStream or an AMQP 0-9-1 broker, by the URL of the endpoint.

use std::time::Duration;

use super::amqp::Amqp;
use super::nats::Nats;
use domain::event::DeliveryFailure;
use service::event::channel::broker_url::{BrokerUrl, Protocol};
use service::event::channel::sender::{OutboundMessage, SendResult};

/// The brokers that the settings allow.
#[derive(Clone, Default)]
pub struct Brokers {
    /// Host and port of each allowed broker.
    allowed: Vec<String>,
    nats: Nats,
    amqp: Amqp,
}

impl Brokers {
    /// The brokers of `subscriptions.allowed_brokers`. No others are called, so these may have private
    /// addresses.
    pub fn new(allowed: Vec<String>) -> Self {
        Self { allowed, ..Self::default() }
    }

    /// Sends a message to the broker of its endpoint.
    pub async fn send(&self, outbound: &OutboundMessage) -> SendResult {
        let refused =
            |code| SendResult { outcome: Err(DeliveryFailure::lasting(code)), status: None, answer: None };
        let Ok(url) = BrokerUrl::parse(&outbound.endpoint) else { return refused("endpoint") };
        if !self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&url.authority())) {
            return refused("forbidden-address");
        }
        let timeout = outbound.timeout.to_std().unwrap_or(Duration::ZERO);
        match url.protocol {
            Protocol::Nats { .. } => self.nats.send(&url, outbound, timeout).await,
            Protocol::Amqp { .. } => self.amqp.send(&url, outbound, timeout).await,
        }
    }
}
