//! The ways by which consumers are told.

mod resolver;
pub mod rest_hook;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::event::{Carried, Carrier, ChannelType, Failure, Parcel};

pub use resolver::{Lookup, SystemLookup};
pub use rest_hook::RestHook;

/// All channels of this process: each message goes by its own.
pub struct Channels {
    /// HTTP.
    pub rest_hook: RestHook,
}

impl Carrier for Channels {
    fn carry<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Carried> {
        match parcel.kind {
            ChannelType::RestHook => self.rest_hook.carry(parcel),
            // Nothing is leased for these: a websocket's consumer comes by itself, and no broker is known.
            ChannelType::WebSocket | ChannelType::Message => {
                let failure = Failure { code: "no-channel", is_final: true, retry_after: None };
                let carried = Carried { outcome: Err(failure), status: None, answer: None };
                async { carried }.boxed()
            }
        }
    }
}
