//! Options for opening the database.

use std::time::Duration;

use crate::database_url::DatabaseUrl;

/// The time limit of a statement of the service.
pub const STATEMENT_DEADLINE: Duration = Duration::from_secs(5);

/// How long accesses gather in the journal of a service before they are indexed: long enough for a portion at some
/// hundred requests a second, and short enough that a crash leaves little to the next start.
pub const INDEX_ACCESSES_AFTER: Duration = Duration::from_millis(200);

/// Options for opening a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The URL of the database.
    pub url: DatabaseUrl,
    /// The most open connections (on SQLite: for reading).
    pub connections: u32,
    /// How long a request waits for a connection before it is answered 503.
    pub wait: Duration,
    /// The time limit of a statement; `None` for the long work of the command line.
    pub statement_deadline: Option<Duration>,
    /// Whether PostgreSQL is behind a pooler that gives each transaction any free connection.
    pub has_pooler: bool,
    /// On SQLite: how long accesses gather in the journal before they are indexed ([`INDEX_ACCESSES_AFTER`]). Readers of the
    /// audit record do not wait for that: they have them indexed.
    pub index_accesses_after: Duration,
    /// A streaming replica for reads that may be stale; PostgreSQL only.
    pub replica: Option<ReplicaOptions>,
}

/// Options for reading from a replica.
#[derive(Clone, Debug)]
pub struct ReplicaOptions {
    /// Its URL.
    pub url: DatabaseUrl,
    /// The most by which its answers may be stale.
    pub most_lag: Duration,
}
