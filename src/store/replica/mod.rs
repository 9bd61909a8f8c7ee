//! Reads from a streaming replica, within the configured staleness.
//!
//! At short intervals a thread asks the primary for the position of its log, and keeps that with the time
//! *before* the question: a mark. A replica that has reached a mark has everything that was committed before
//! the time of the mark. So a read may go to the replica exactly if it has reached a mark which is
//!
//! - not older than [`most_lag`](crate::database::options::ReplicaOptions): then the answer is not staler
//!   than that, and
//!
//! - not older than the reader's last write: then they read their own writes.
//!
//! The replica is asked for its position before each read. All other reads go to the primary: while there is
//! no such mark, while the replica is behind it, or does not answer.

mod progress;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use diesel::RunQueryDsl as _;
use diesel::sql_types::{Bool, Text};
use r2d2::{Pool, PooledConnection};
use tokio::sync::Notify;

use crate::database::options::{ReplicaOptions, StoreOptions};
use crate::db::{Manager, Pooled, SilentErrors};
use crate::sql::Sql;
use crate::tx::{TransactionMode, Tx, run_on};
use base::error::Error;

use progress::{Mark, ReplicaProgress};

/// How long a read waits for a connection to the replica, and how long a failed replica is not asked.
const WAIT: Duration = Duration::from_millis(250);
const REST: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Replica {
    pool: Pool<Manager>,
    most_lag: Duration,
    progress: Mutex<ReplicaProgress>,
}

#[derive(diesel::QueryableByName)]
struct Position {
    #[diesel(sql_type = Text)]
    position: String,
}

#[derive(diesel::QueryableByName)]
struct Reached {
    #[diesel(sql_type = Bool)]
    has_reached: bool,
}

impl Replica {
    /// Starts to watch the primary, whose connections these are. The replica need not answer yet.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub(super) fn start(
        options: &ReplicaOptions,
        store: &StoreOptions,
        statements: &Arc<AtomicU64>,
        primary: Pool<Manager>,
    ) -> Result<Arc<Self>, Error> {
        let manager =
            Manager::new(options.url.clone(), false, store.statement_deadline, Arc::clone(statements))?;
        let pool = Pool::builder()
            .max_size(store.connections)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(WAIT)
            .error_handler(Box::new(SilentErrors))
            .build_unchecked(manager);
        let replica = Arc::new(Self { pool, most_lag: options.most_lag, progress: Mutex::default() });
        let (watched, every) = (Arc::downgrade(&replica), options.most_lag / 4);
        let watch = move || watch(&watched, &primary, every);
        thread::Builder::new().name("store-replica".to_owned()).spawn(watch).map_err(Error::fault)?;
        Ok(replica)
    }

    fn progress(&self) -> MutexGuard<'_, ReplicaProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the replica should be asked.
    pub(super) fn may_serve(&self, reader: &str) -> bool {
        self.needed(reader).is_some()
    }

    /// Records that this reader has just written.
    pub(super) fn has_written(&self, reader: &str) {
        self.progress().wrote(reader, Instant::now());
    }

    /// Reads from the replica, or returns the work.
    pub(super) fn read<T, E, F>(&self, reader: &str, published: &Notify, work: F) -> Result<Result<T, E>, F>
    where
        E: From<Error>,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
    {
        let Some(needed) = self.needed(reader) else { return Err(work) };
        match self.connect(&needed) {
            Ok(Some(pooled)) => Ok(run_on(pooled, TransactionMode::Read, published, work)),
            Ok(None) => Err(work),
            Err(error) => {
                let mut progress = self.progress();
                if progress.rests_until.is_none_or(|until| until < Instant::now()) {
                    tracing::warn!(
                        cause = error.cause(),
                        "the replica does not answer; reads go to the primary"
                    );
                }
                progress.rests_until = Some(Instant::now() + REST);
                Err(work)
            }
        }
    }

    /// The position that the replica must have reached to answer this reader; `None` where that is not known,
    /// or it is paused.
    fn needed(&self, reader: &str) -> Option<String> {
        self.progress().needed(reader, self.most_lag, Instant::now())
    }

    /// A connection to the replica, if it has reached the position. Asked before the transaction: its
    /// snapshot is taken afterwards and has at least that.
    fn connect(&self, needed: &str) -> Result<Option<PooledConnection<Manager>>, Error> {
        const QUESTION: &str = "SELECT COALESCE(pg_is_in_recovery() \
             AND pg_last_wal_replay_lsn() >= CAST(? AS TEXT)::pg_lsn, FALSE) AS has_reached";
        let mut pooled = self.pool.get().map_err(Error::busy)?;
        match ask(&mut pooled, Sql::fixed(QUESTION).text(needed)) {
            Ok(Reached { has_reached }) => Ok(has_reached.then_some(pooled)),
            Err(error) => {
                // The pool discards such a connection.
                pooled.is_in_use = true;
                Err(error)
            }
        }
    }
}

fn ask<T>(pooled: &mut Pooled, question: Sql) -> Result<T, Error>
where
    T: diesel::QueryableByName<diesel::pg::Pg> + 'static,
{
    match &mut pooled.db {
        crate::db::Db::Postgres(connection) => Ok(question.get_result(connection)?),
        crate::db::Db::Sqlite(_) => Err(Error::fault("SQLite has no replica")),
    }
}

/// Asks the primary for its position, for as long as the replica is in use.
fn watch(replica: &Weak<Replica>, primary: &Pool<Manager>, every: Duration) {
    loop {
        let Some(replica) = replica.upgrade() else { return };
        let at = Instant::now();
        if let Ok(position) = position(primary) {
            replica.progress().keep(Mark { at, position }, replica.most_lag);
        }
        drop(replica);
        thread::sleep(every);
    }
}

fn position(primary: &Pool<Manager>) -> Result<String, Error> {
    let question = Sql::fixed("SELECT pg_current_wal_lsn()::TEXT AS position");
    let mut pooled = primary.get().map_err(Error::busy)?;
    pooled.is_in_use = true;
    let Position { position } = ask(&mut pooled, question)?;
    pooled.is_in_use = false;
    Ok(position)
}
