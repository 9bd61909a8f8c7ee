//! Scheduled work: jobs and their leases, due roles, messages, registry events.

mod diagnostics;
mod due_roles;
mod job;
mod message;
mod registry_event;
pub(crate) mod registry_fact;
mod retention;
mod statistics;

pub use diagnostics::DatabaseDiagnostics;
pub use due_roles::DueRow;
pub use job::JobRow;
pub use message::{DueMessages, MessageKind, MessageState, NewMessage, OutgoingMessage};
pub use registry_event::ReceivedEvent;
pub use registry_fact::FactKind;
pub use retention::RetentionPolicy;
pub use statistics::ANALYZED_TABLES;
