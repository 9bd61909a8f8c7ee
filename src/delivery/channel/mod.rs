//! The channels of delivery: REST hook, brokers, web socket.

mod amqp;
mod brokers;
mod nats;
pub mod rest_hook;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use domain::event::ChannelType;
use service::event::channel::sender::{ChannelSender, OutboundMessage, SendResult};
use service::event::channel::sockets::Sockets;

pub(crate) use amqp::UNROUTABLE;

pub use brokers::Brokers;
pub(crate) use nats::NO_STREAM;
pub use rest_hook::RestHook;

/// All channels of this process.
pub struct Channels {
    /// HTTP.
    pub rest_hook: RestHook,
    /// Brokers.
    pub brokers: Brokers,
    /// The web sockets that subscribers have opened.
    pub sockets: Sockets,
}

impl ChannelSender for Channels {
    fn send<'a>(&'a self, outbound: &'a OutboundMessage) -> BoxFuture<'a, SendResult> {
        match outbound.kind {
            ChannelType::RestHook => self.rest_hook.send(outbound),
            ChannelType::WebSocket => self.sockets.send(outbound).boxed(),
            ChannelType::Message => self.brokers.send(outbound).boxed(),
        }
    }
}
