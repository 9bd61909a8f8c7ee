//! What others must hear of, and how they hear of it.
//!
//! 1. A change publishes an [`Event`] in its own transaction (`store::Tx::publish`, table
//!    `outbox`), so that neither is ever there without the other.
//! 2. `service::event::number` gives it a number in every [`Subscription`] that it matches: per subscription from 1, without a
//!    gap, in the order of the commits. One transaction at a time does this, in whichever process.
//! 3. The worker of crate `delivery` sends each subscription its events in order, under a lease, until its consumer has taken them,
//!    [signed](signature), by a channel.
//!
//! What a notification looks like on the wire, and what a subscriber may read, is known to the API in whose
//! terms they subscribed: it implements `service::event::front::Front`.

pub mod filter;
mod notification;
pub mod signature;
mod subscription;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::person::NhsNumber;

/// The header that every delivery over HTTP carries, and no subscriber may set: by it the inbox knows a call that a
/// subscription has made, whatever host it was sent to.
pub const DELIVERY: &str = "onbehalf-delivery";

pub use filter::{Facts, Filter, FilterName};

pub use notification::{Attempt, Delivery, Failure, Notice, Notification, Numbered};

pub use subscription::{
    Channel, ChannelType, Content, Draft, Payload, Secrets, Style, Subscription, SubscriptionStatus,
    owner_key,
};

/// What an event is about (contract §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A role came to be.
    RoleCreated,
    /// A role is different from what it was.
    RoleChanged,
    /// A role may not appear in an answer any more: one of its people was invalidated or is restricted.
    RoleDeleted,
    /// A role ends soon, or ended a while ago: its people are to be told.
    RoleReminder,
    /// An access request came in, or was amended.
    AccessRequestSubmitted,
    /// A relationship was recorded, or is different from what it was.
    RelationshipChanged,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 6] = [
        Self::RoleCreated,
        Self::RoleChanged,
        Self::RoleDeleted,
        Self::RoleReminder,
        Self::AccessRequestSubmitted,
        Self::RelationshipChanged,
    ];

    /// The name that the store keeps, and the id of the definition that is published.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoleCreated => "proxy-role-created",
            Self::RoleChanged => "proxy-role-changed",
            Self::RoleDeleted => "proxy-role-deleted",
            Self::RoleReminder => "proxy-role-reminder",
            Self::AccessRequestSubmitted => "access-request-submitted",
            Self::RelationshipChanged => "proxy-relationship-changed",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which event: a UUIDv7, the same in every delivery of it.
    pub id: Uuid,
    /// Of which kind.
    pub topic: Topic,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// To what: `Consent/…`, `RelatedPerson/…` or `QuestionnaireResponse/…`.
    pub subject: String,
    /// Which version of it came of this.
    pub subject_version: i64,
    /// Whose patient it is about.
    pub patient: NhsNumber,
    /// And whose proxy.
    pub proxy: NhsNumber,
}

impl Event {
    /// The FHIR type and the id of what it happened to.
    pub fn subject_parts(&self) -> (&str, &str) {
        self.subject.split_once('/').unwrap_or((&self.subject, ""))
    }
}
