//! One connection to one of the two databases, and how a pool makes it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::{CacheSize, Instrumentation, InstrumentationEvent, SimpleConnection as _};
use diesel::{Connection as _, ConnectionError, PgConnection, SqliteConnection};
use r2d2::ManageConnection;

use crate::error::{Error, Kind};
use crate::store::DatabaseUrl;
use crate::store::private::create_private;

/// A connection. SQLite stands last: as a variant it would take any text for a path, which is why
/// [`Manager`] chooses by the configured scheme and never lets the derive choose.
#[derive(diesel::MultiConnection)]
pub(crate) enum Db {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// A pooled connection, and whether what somebody does on it has not come to its end.
pub(crate) struct Pooled {
    pub(crate) db: Db,
    pub(crate) is_in_use: bool,
    /// Whether a pooler stands between, and the next transaction may run on another connection of the server.
    pub(crate) has_pooler: bool,
}

/// Opens connections.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    url: DatabaseUrl,
    has_pooler: bool,
    statements: Arc<AtomicU64>,
    is_writer: bool,
}

/// An answered commit is on disk: WAL with a flush at every commit. Readers and the writer of other
/// processes are waited for.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
     PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";

/// The one connection that writes touches a page of every index for each row: up to 8 MiB of them stay at hand
/// (every commit that has split a page walks through all of them, which with 32 MiB took longer than it saved).
/// 16 MiB are written before they are moved from the log to the file, so that those which change at every commit
/// are moved less often.
const SQLITE_WRITER_SETTINGS: &str = "PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 4096;";

/// An answered commit is on disk, whatever the server's own settings say; no statement runs for ever.
const POSTGRES_SETTINGS: &str = "SET synchronous_commit TO on; SET TIME ZONE 'UTC'; \
     SET statement_timeout TO '30s'; SET client_min_messages TO warning;";

impl Manager {
    pub(crate) fn new(url: DatabaseUrl, has_pooler: bool, statements: Arc<AtomicU64>) -> Self {
        Self { url, has_pooler, statements, is_writer: false }
    }

    /// The same for the one connection that writes to SQLite.
    pub(crate) fn for_writing(&self) -> Self {
        Self { is_writer: true, ..self.clone() }
    }

    /// Opens one connection and closes it, to tell the operator now what would be a 503 later.
    pub(crate) fn probe(&self) -> Result<(), Error> {
        let told = match &self.url {
            DatabaseUrl::Sqlite(path) if path.is_dir() => format!("{} is a directory", path.display()),
            DatabaseUrl::Sqlite(path) => format!("cannot open or write the database {}", path.display()),
            DatabaseUrl::Postgres(_) => format!("cannot reach the database {}", self.url),
        };
        let opened = self.connect().and_then(|mut pooled| match &self.url {
            // Opening is lazy: only a write shows whether the file may be written.
            DatabaseUrl::Sqlite(_) => Ok(pooled.db.batch_execute("BEGIN IMMEDIATE; ROLLBACK;")?),
            DatabaseUrl::Postgres(_) => Ok(()),
        });
        opened.map_err(|source| Error::new(Kind::Fault, told).because(source))
    }

    fn open_sqlite(path: &Path) -> Result<Db, ConnectionError> {
        let path =
            path.to_str().ok_or_else(|| ConnectionError::BadConnection("the path is not text".into()))?;
        // In-memory databases and URIs are no paths.
        if !path.starts_with(':') && !path.starts_with("file:") {
            create_private(Path::new(path));
        }
        let mut db = SqliteConnection::establish(path)?;
        db.batch_execute(SQLITE_SETTINGS).map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(Db::Sqlite(db))
    }

    fn open_postgres(url: &str, has_pooler: bool) -> Result<Db, ConnectionError> {
        let mut db = PgConnection::establish(&with_patience(url))?;
        if has_pooler {
            // Each transaction brings its settings along ([`crate::store::tx`]), and statements that were prepared
            // would be there on one connection of the server only.
            db.set_prepared_statement_cache_size(CacheSize::Disabled);
            return Ok(Db::Postgres(db));
        }
        db.batch_execute(POSTGRES_SETTINGS).map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(Db::Postgres(db))
    }
}

/// The URL with an end to waiting for a server that has vanished without a word; what the operator has set stays.
/// A connection is given up after five seconds, and one on which nothing comes back any more after thirty.
fn with_patience(url: &str) -> String {
    const PATIENCE: [(&str, &str); 5] = [
        ("connect_timeout", "5"),
        ("tcp_user_timeout", "30000"),
        ("keepalives_idle", "15"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
    ];
    let mut url = url.to_owned();
    for (name, value) in PATIENCE {
        if !url.contains(&format!("{name}=")) {
            let mark = if url.contains('?') { "&" } else { "?" };
            url.extend([mark, name, "=", value]);
        }
    }
    url
}

impl Pooled {
    /// Fails where the connection is dead.
    pub(crate) fn ping(&mut self) -> diesel::QueryResult<()> {
        self.db.batch_execute("SELECT 1")
    }
}

impl ManageConnection for Manager {
    type Connection = Pooled;
    type Error = ConnectionProblem;

    fn connect(&self) -> Result<Pooled, ConnectionProblem> {
        let mut db = match &self.url {
            DatabaseUrl::Sqlite(path) => Self::open_sqlite(path)?,
            DatabaseUrl::Postgres(url) => Self::open_postgres(url, self.has_pooler)?,
        };
        if self.is_writer {
            db.batch_execute(SQLITE_WRITER_SETTINGS)?;
        }
        db.set_instrumentation(Count(Arc::clone(&self.statements)));
        Ok(Pooled { db, is_in_use: false, has_pooler: self.has_pooler })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), ConnectionProblem> {
        Ok(pooled.ping()?)
    }

    /// A transaction that neither committed nor rolled back means a panic, or a server that went
    /// away: such a connection is not used again.
    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.is_in_use
    }
}

/// Why a connection cannot be had. The sources can name hosts and users: for the log of the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionProblem {
    #[error(transparent)]
    Connect(#[from] ConnectionError),
    #[error(transparent)]
    Statement(#[from] diesel::result::Error),
}

/// Counts statements.
struct Count(Arc<AtomicU64>);

impl Instrumentation for Count {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { .. } = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Connection errors come back from the pool as the answer of the request that waited; said here as
/// well, they would be logged once for every retry of the pool.
#[derive(Debug)]
pub(crate) struct SilentErrors;

impl r2d2::HandleError<ConnectionProblem> for SilentErrors {
    fn handle_error(&self, _error: ConnectionProblem) {}
}
