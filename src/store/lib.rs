//! The only SQL of this program: rows to domain values and back, on SQLite and on PostgreSQL.
//!
//! [`Store::read`] and [`Store::write`] run a closure in one transaction on a thread that may block. A read
//! sees one snapshot; a write that is answered is on disk.

mod access_journal;
mod access_request;
mod account;
mod audit;
mod bulk;
mod database;
mod database_url;
mod db;
mod dialect;
mod error;
mod maintenance;
mod migrate;
mod outbox;
mod person;
mod private;
mod relationship;
mod replica;
mod role;
mod schema;
pub mod search;
mod sql;
mod subscription;
mod threads;
mod tx;

pub use access_journal::{SegmentBreak, SegmentFault};
pub use account::AccountUser;
pub use audit::{AuditRecord, Break, ChainFault, ChainHead, MissingMonths, NotAHead};
pub use bulk::{Copied, check_copy};
pub use database::options::{INDEX_ACCESSES_AFTER, ReplicaOptions, STATEMENT_DEADLINE, StoreOptions};
pub use database::store::{Lane, Store};
pub use database_url::{BadDatabaseUrl, DatabaseUrl};
pub use maintenance::{
    ANALYZED_TABLES, DatabaseDiagnostics, DueMessages, DueRow, FactKind, JobRow, MessageKind, MessageState,
    NewMessage, OutgoingMessage, ReceivedEvent, RetentionPolicy,
};
pub use migrate::{Migration, SANDBOX_MARK, SoleUse};
pub use private::{ExposedFile, list_exposed_files};
pub use role::RoleSearch;
pub use search::normalize::{normalize, normalize_words};
pub use subscription::{AttemptRecord, Due, Lease, Overview, SubscriptionVersion, Unsent, Waiting};
pub use tx::{Budget, Tx};
