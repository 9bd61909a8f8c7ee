//! Reading from a streaming replica, which is a little behind, so that nobody sees more of that than was promised.
//!
//! At short intervals a thread asks the primary how far its log has come, and keeps that with the time *before* the
//! question: a mark. What the replica has once it has come to a mark is everything that was committed before the
//! time of the mark. So a read may go to the replica exactly if that has come to a mark which is
//!
//! - not older than [`most_lag`](crate::database::options::ReplicaOptions): then the answer is not later than that, and
//! - not older than the last write of whoever reads: then they read what they wrote.
//!
//! Whether it has come so far is asked of the replica before each read. Everything else goes to the primary: while
//! there is no such mark, while the replica is behind it, or does not answer.

mod seen;

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
use crate::tx::{Mode, Tx, run_on};
use base::error::Error;

use seen::{Mark, Seen};

/// How long a read waits for a connection to the replica, and how long one that failed is left alone.
const WAIT: Duration = Duration::from_millis(250);
const REST: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Replica {
    pool: Pool<Manager>,
    most_lag: Duration,
    seen: Mutex<Seen>,
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
    /// When there can be no thread.
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
        let replica = Arc::new(Self { pool, most_lag: options.most_lag, seen: Mutex::default() });
        let (watched, every) = (Arc::downgrade(&replica), options.most_lag / 4);
        let watch = move || watch(&watched, &primary, every);
        thread::Builder::new().name("store-replica".to_owned()).spawn(watch).map_err(Error::fault)?;
        Ok(replica)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is worth asking the replica.
    pub(super) fn may_serve(&self, reader: &str) -> bool {
        self.needed(reader).is_some()
    }

    /// Remembers that this reader has just written.
    pub(super) fn has_written(&self, reader: &str) {
        self.seen().wrote(reader, Instant::now());
    }

    /// Reads from the replica, or gives the work back.
    pub(super) fn read<T, E, F>(&self, reader: &str, published: &Notify, work: F) -> Result<Result<T, E>, F>
    where
        E: From<Error>,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
    {
        let Some(needed) = self.needed(reader) else { return Err(work) };
        match self.connect(&needed) {
            Ok(Some(pooled)) => Ok(run_on(pooled, Mode::Read, published, work)),
            Ok(None) => Err(work),
            Err(error) => {
                let mut seen = self.seen();
                if seen.rests_until.is_none_or(|until| until < Instant::now()) {
                    tracing::warn!(
                        cause = error.cause(),
                        "the replica does not answer; reads go to the primary"
                    );
                }
                seen.rests_until = Some(Instant::now() + REST);
                Err(work)
            }
        }
    }

    /// How far the replica must have come to answer this reader; `None` where that is not known, or it rests.
    fn needed(&self, reader: &str) -> Option<String> {
        self.seen().needed(reader, self.most_lag, Instant::now())
    }

    /// A connection to the replica, if that has come so far. Asked before the transaction: its snapshot is taken
    /// afterwards and has at least that.
    fn connect(&self, needed: &str) -> Result<Option<PooledConnection<Manager>>, Error> {
        const QUESTION: &str = "SELECT COALESCE(pg_is_in_recovery() \
             AND pg_last_wal_replay_lsn() >= CAST(? AS TEXT)::pg_lsn, FALSE) AS has_reached";
        let mut pooled = self.pool.get().map_err(Error::busy)?;
        match ask(&mut pooled, Sql::fixed(QUESTION).text(needed)) {
            Ok(Reached { has_reached }) => Ok(has_reached.then_some(pooled)),
            Err(error) => {
                // The pool throws such a connection away.
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

/// Asks the primary how far it has come, for as long as somebody wants to know.
fn watch(replica: &Weak<Replica>, primary: &Pool<Manager>, every: Duration) {
    loop {
        let Some(replica) = replica.upgrade() else { return };
        let at = Instant::now();
        if let Ok(position) = position(primary) {
            replica.seen().keep(Mark { at, position }, replica.most_lag);
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
