//! How the database is opened.

use std::time::Duration;

use crate::database_url::DatabaseUrl;

/// How long a statement of the service may run.
pub const STATEMENT_DEADLINE: Duration = Duration::from_secs(5);

/// How long accesses gather in the journal of a service before they are indexed: long enough for a portion at some
/// hundred requests a second, and short enough that a crash leaves little to the next start.
pub const INDEX_ACCESSES_AFTER: Duration = Duration::from_millis(200);

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Where the database is.
    pub url: DatabaseUrl,
    /// The most connections that are open at a time (on SQLite: for reading).
    pub connections: u32,
    /// How long a request waits for a connection before it is answered 503.
    pub wait: Duration,
    /// How long a statement may run before the database ends it; `None` for the long work of the command line.
    pub statement_deadline: Option<Duration>,
    /// Whether a pooler stands before PostgreSQL that gives each transaction whichever connection is free.
    pub has_pooler: bool,
    /// On SQLite: how long accesses gather in the journal before they are indexed ([`INDEX_ACCESSES_AFTER`]). Readers of the
    /// audit record do not wait for that: they have them indexed.
    pub index_accesses_after: Duration,
    /// A streaming replica that answers reads which may be late; PostgreSQL only.
    pub replica: Option<ReplicaOptions>,
}

/// How a replica is read.
#[derive(Clone, Debug)]
pub struct ReplicaOptions {
    /// Where it is.
    pub url: DatabaseUrl,
    /// How late an answer of it may be.
    pub most_lag: Duration,
}
