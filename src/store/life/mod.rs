//! Scheduled work: jobs and their leases, due roles, messages, registry events.

pub(crate) mod fact;
mod job;
mod message;
mod purge;
mod registry;
mod role;
mod statistics;
mod vitals;

pub use fact::FactKind;
pub use job::JobRow;
pub use message::{DueMessages, MessageKind, MessageState, NewMessage, Outgoing};
pub use purge::Old;
pub use registry::Inbound;
pub use role::Candidate;
pub use statistics::ANALYZED_TABLES;
pub use vitals::Vitals;
