//! One connection to one of the two databases, and how a pool makes it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::{CacheSize, Instrumentation, InstrumentationEvent, SimpleConnection as _};
use diesel::result::DatabaseErrorKind;
use diesel::{Connection as _, ConnectionError, PgConnection, SqliteConnection};
use postgres_tls::Relay;
use r2d2::ManageConnection;
use sqlite_deadline::Deadline;

use crate::access_journal::tail::Tail;
use crate::database::turn::Turn;
use crate::database_url::DatabaseUrl;
use crate::private::create_private;
use base::error::{Error, ErrorKind};

/// A connection. SQLite stands last: as a variant it would take any text for a path, which is why
/// [`Manager`] chooses by the configured scheme and never lets the derive choose.
#[derive(diesel::MultiConnection)]
pub(crate) enum Db {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// A pooled connection, and whether an operation on it is unfinished.
pub(crate) struct Pooled {
    pub(crate) db: Db,
    pub(crate) meter: Arc<Meter>,
    pub(crate) is_in_use: bool,
    /// Whether it is in a transaction on a thread that may wait.
    pub(crate) may_catch_up: bool,
    /// What the audit record is read after ([`Tx::catch_up`](crate::Tx)); nothing on the connection that writes.
    pub(crate) tail: Tail,
    /// On the connection that writes to an SQLite file.
    pub(crate) turn: Option<Turn>,
    /// Whether a pooler stands between, and the next transaction may run on another connection of the server.
    pub(crate) has_pooler: bool,
    /// How long a statement may run: through a pooler each transaction brings it along.
    pub(crate) deadline: Option<Duration>,
    /// What gives the connection TLS: it must live as long.
    _relay: Option<Arc<Relay>>,
}

/// The statements of one connection: how many there were, how long the present one may run, and whether the database
/// gave their transaction up for another one's sake.
#[derive(Debug)]
pub(crate) struct Meter {
    own: AtomicU64,
    /// Those of all connections of the store.
    all: Arc<AtomicU64>,
    /// On SQLite; on PostgreSQL the server watches.
    deadline: Option<Deadline>,
    is_victim: AtomicBool,
}

impl Meter {
    fn new(all: Arc<AtomicU64>, deadline: Option<Deadline>) -> Self {
        Self { own: AtomicU64::new(0), all, deadline, is_victim: AtomicBool::new(false) }
    }

    /// How many statements this connection has run.
    pub(crate) fn count(&self) -> u64 {
        self.own.load(Ordering::Relaxed)
    }

    /// Whether the database has given the transaction up.
    pub(crate) fn is_victim(&self) -> bool {
        self.is_victim.load(Ordering::Relaxed)
    }

    /// Another transaction begins.
    pub(crate) fn forget_victim(&self) {
        self.is_victim.store(false, Ordering::Relaxed);
    }
}

/// Opens connections.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    url: DatabaseUrl,
    /// What gives libpq TLS, where the URL asks for it.
    relay: Option<Arc<Relay>>,
    has_pooler: bool,
    /// How long a statement may run; `None` for as long as it takes.
    deadline: Option<Duration>,
    statements: Arc<AtomicU64>,
    is_writer: bool,
    pub(crate) tail: Tail,
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

/// An answered commit is on disk, whatever the server's own settings say.
const POSTGRES_SETTINGS: &str =
    "SET synchronous_commit TO on; SET TIME ZONE 'UTC'; SET client_min_messages TO warning;";

impl Manager {
    /// Opens nothing yet, but the relay through which libpq speaks TLS.
    ///
    /// # Errors
    ///
    /// When the URL asks for TLS in a way that is not supported.
    pub(crate) fn new(
        url: DatabaseUrl,
        has_pooler: bool,
        deadline: Option<Duration>,
        statements: Arc<AtomicU64>,
    ) -> Result<Self, Error> {
        let relay = match &url {
            DatabaseUrl::Postgres(asked) => Relay::start(asked).map_err(|fault| {
                Error::new(ErrorKind::Fault, format!("cannot use the database {url}: {fault}"))
            })?,
            DatabaseUrl::Sqlite(_) => None,
        };
        let relay = relay.map(Arc::new);
        let tail = Arc::default();
        Ok(Self { url, relay, has_pooler, deadline, statements, is_writer: false, tail })
    }

    /// The same for the one connection that writes to SQLite.
    pub(crate) fn for_writing(&self) -> Self {
        Self { is_writer: true, ..self.for_indexing() }
    }

    /// The same for connections on which the audit record is read as it is.
    pub(crate) fn for_indexing(&self) -> Self {
        Self { tail: Arc::default(), ..self.clone() }
    }

    /// Opens one connection and closes it, to tell the operator now what would be a 503 later.
    pub(crate) fn probe(&self) -> Result<(), Error> {
        let message = match &self.url {
            DatabaseUrl::Sqlite(path) if path.is_dir() => format!("{} is a directory", path.display()),
            DatabaseUrl::Sqlite(path) => format!("cannot open or write the database {}", path.display()),
            DatabaseUrl::Postgres(_) => format!("cannot reach the database {}", self.url),
        };
        let opened = self.connect().and_then(|mut pooled| match &self.url {
            // Opening is lazy: only a write shows whether the file may be written.
            DatabaseUrl::Sqlite(_) => Ok(pooled.db.batch_execute("BEGIN IMMEDIATE; ROLLBACK;")?),
            DatabaseUrl::Postgres(_) => Ok(()),
        });
        opened.map_err(|source| Error::new(ErrorKind::Fault, message).with_source(source))
    }

    fn open_sqlite(path: &Path, deadline: Option<&Deadline>) -> Result<Db, ConnectionError> {
        let path =
            path.to_str().ok_or_else(|| ConnectionError::BadConnection("the path is not text".into()))?;
        if is_file(Path::new(path)) {
            create_private(Path::new(path));
        }
        let open = || SqliteConnection::establish(path);
        let mut db = match deadline.map(|deadline| deadline.watch(open)) {
            None => open()?,
            Some((opened, is_watched)) => {
                let db = opened?;
                if !is_watched {
                    return Err(ConnectionError::BadConnection("SQLite refuses to watch statements".into()));
                }
                db
            }
        };
        db.batch_execute(SQLITE_SETTINGS).map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(Db::Sqlite(db))
    }

    fn open_postgres(url: &str, has_pooler: bool, deadline: Option<Duration>) -> Result<Db, ConnectionError> {
        let mut db = PgConnection::establish(&with_patience(url))?;
        if has_pooler {
            // Each transaction brings its settings along ([`crate::tx`]), and statements that were prepared
            // would be there on one connection of the server only.
            db.set_prepared_statement_cache_size(CacheSize::Disabled);
            return Ok(Db::Postgres(db));
        }
        let settings = format!("{POSTGRES_SETTINGS} SET statement_timeout TO {}", milliseconds(deadline));
        db.batch_execute(&settings).map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(Db::Postgres(db))
    }
}

/// The value of `statement_timeout`: milliseconds, where 0 is no limit.
pub(crate) fn milliseconds(deadline: Option<Duration>) -> u128 {
    deadline.map_or(0, |deadline| deadline.as_millis().max(1))
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

/// Whether SQLite takes this for the path of a file: not for a database in memory, or a URI.
pub(crate) fn is_file(path: &Path) -> bool {
    !path.to_str().is_some_and(|path| path.starts_with(':') || path.starts_with("file:"))
}

impl Pooled {
    /// A connection of no pool, whose statements take as long as they take.
    pub(crate) fn alone(db: Db) -> Self {
        let meter = Meter::new(Arc::default(), None);
        Self {
            db,
            meter: Arc::new(meter),
            is_in_use: false,
            may_catch_up: false,
            tail: Arc::default(),
            turn: None,
            has_pooler: false,
            deadline: None,
            _relay: None,
        }
    }

    /// Fails where the connection is dead.
    pub(crate) fn ping(&mut self) -> diesel::QueryResult<()> {
        self.db.batch_execute("SELECT 1")
    }
}

impl ManageConnection for Manager {
    type Connection = Pooled;
    type Error = ConnectionProblem;

    fn connect(&self) -> Result<Pooled, ConnectionProblem> {
        let watch = self.deadline.filter(|_| self.url.is_sqlite()).map(Deadline::new);
        let mut db = match &self.url {
            DatabaseUrl::Sqlite(path) => Self::open_sqlite(path, watch.as_ref())?,
            DatabaseUrl::Postgres(url) => {
                let url = self.relay.as_deref().map_or(url.as_str(), Relay::url);
                Self::open_postgres(url, self.has_pooler, self.deadline)?
            }
        };
        let mut turn = None;
        if self.is_writer {
            db.batch_execute(SQLITE_WRITER_SETTINGS)?;
            turn = self.url.file().filter(|path| is_file(path)).map(Turn::beside).transpose()?;
        }
        if turn.is_some() {
            // [`Turn`] waits for other processes.
            db.batch_execute("PRAGMA busy_timeout = 0;")?;
        }
        let meter = Arc::new(Meter::new(Arc::clone(&self.statements), watch));
        db.set_instrumentation(Watch(Arc::clone(&meter)));
        let (has_pooler, deadline) = (self.has_pooler, self.deadline);
        Ok(Pooled {
            db,
            meter,
            is_in_use: false,
            may_catch_up: false,
            tail: Arc::clone(&self.tail),
            turn,
            has_pooler,
            deadline,
            _relay: self.relay.clone(),
        })
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
    #[error("cannot open the file on which processes queue to write")]
    Turn(#[from] std::io::Error),
}

/// Counts statements, begins the time of each, and notes when the database has given a transaction up: whatever became
/// of that error on its way through the work, the transaction can be run again. At level `trace` the log tells which
/// statement runs, and which is prepared to run again, without their values.
struct Watch(Arc<Meter>);

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            self.0.own.fetch_add(1, Ordering::Relaxed);
            self.0.all.fetch_add(1, Ordering::Relaxed);
            if let Some(deadline) = &self.0.deadline {
                deadline.begin();
            }
            if tracing::enabled!(tracing::Level::TRACE) {
                trace(&query.to_string());
            }
        } else if let InstrumentationEvent::CacheQuery { sql, .. } = event {
            tracing::trace!(prepares = sql);
        } else if let InstrumentationEvent::FinishQuery { error: Some(error), .. } = event
            && is_given_up(error)
        {
            self.0.is_victim.store(true, Ordering::Relaxed);
        }
    }
}

/// Logs a statement that Diesel shows with its values, without these. A migration, which has several lines, is left out.
fn trace(shown: &str) {
    let text = shown.split_once(" -- binds: ").map_or(shown, |(text, _)| text);
    if !text.contains('\n') {
        tracing::trace!(runs = text);
    }
}

/// Whether PostgreSQL has chosen a transaction as the victim of a deadlock (SQLSTATE 40P01), or could not serialize
/// it (40001). Diesel tells the first by its message alone.
fn is_given_up(error: &diesel::result::Error) -> bool {
    let diesel::result::Error::DatabaseError(kind, detail) = error else { return false };
    matches!(kind, DatabaseErrorKind::SerializationFailure) || detail.message().contains("deadlock detected")
}

/// Connection errors come back from the pool as the answer of the request that waited; said here as
/// well, they would be logged once for every retry of the pool.
#[derive(Debug)]
pub(crate) struct SilentErrors;

impl r2d2::HandleError<ConnectionProblem> for SilentErrors {
    fn handle_error(&self, _error: ConnectionProblem) {}
}
