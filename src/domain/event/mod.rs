//! Events and their delivery to subscribers.
//!
//! 1. A change publishes an [`Event`] in its own transaction (`store::Tx::publish`, table `outbox`): both
//!    commit or neither does.
//! 2. `service::event::numbering` assigns it a number in every [`Subscription`] that it matches: per
//!    subscription from 1, without a gap, in the order of the commits. One transaction at a time does this, in
//!    whichever process.
//! 3. The worker of crate `delivery` sends each subscription its events in order, under a lease, until its
//!    consumer has accepted them, [signed](signature), by a channel.
//!
//! How a notification looks on the wire, and what a subscriber may read, is defined by the API that the
//! subscription was created with: it implements `service::event::renderer::NotificationRenderer`.

#[expect(clippy::module_inception, reason = "the room is named after what it holds")]
mod event;
pub mod filter;
mod notification;
pub mod signature;
mod subscription;
mod topic;

/// The header that every delivery over HTTP carries, and no subscriber may set: by it `POST /events`
/// recognises a call made by a subscription, whatever host it was sent to.
pub const DELIVERY: &str = "onbehalf-delivery";

pub use filter::{Facts, FilterName, SubscriptionFilter};

pub use notification::{Attempt, Delivery, DeliveryFailure, Notice, Notification, Numbered};

pub use event::Event;
pub use subscription::{
    Channel, ChannelType, Payload, PayloadContent, Style, Subscription, SubscriptionDraft,
    SubscriptionSecrets, SubscriptionStatus, owner_key,
};
pub use topic::Topic;
