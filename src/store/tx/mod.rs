//! One transaction; on SQLite several writes that share one.

pub(crate) mod group;
mod lock;
mod write;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::SimpleConnection as _;
use r2d2::Pool;
use tokio::sync::Notify;

use crate::audit::AuditRecord;
use crate::db::{Db, Manager, Meter, Pooled, milliseconds};
use base::error::{Error, Kind};
pub(crate) use write::{Writer, run_again};

/// An open transaction: what a use case reads and writes through. The methods live with the
/// aggregates, one file each.
pub struct Tx<'c> {
    pub(crate) db: &'c mut Db,
    meter: &'c Meter,
    /// The count of the connection's statements at which the present request has spent its budget.
    pub(crate) most: Option<u64>,
    /// The records of the audit, written right before the commit.
    pub(crate) pending: Vec<AuditRecord>,
    /// Whether somebody is to be told of something when the transaction has committed.
    pub(crate) has_published: bool,
}

impl<'c> Tx<'c> {
    /// A transaction that has begun on this connection.
    pub(crate) fn new(pooled: &'c mut Pooled) -> Self {
        let Pooled { db, meter, .. } = pooled;
        Self { db, meter, most: None, pending: Vec::new(), has_published: false }
    }

    /// Runs a part of a request, whose statements are counted against the budget of that request.
    pub fn within<T>(&mut self, budget: &Budget, work: impl FnOnce(&mut Self) -> T) -> T {
        let begun = self.meter.count();
        self.most = Some(begun.saturating_add(budget.left.load(Ordering::Relaxed)));
        let result = work(self);
        self.most = None;
        let spent = self.meter.count() - begun;
        let left = budget.left.load(Ordering::Relaxed).saturating_sub(spent);
        budget.left.store(left, Ordering::Relaxed);
        result
    }

    /// Refuses a request whose budget is spent. Whatever composes a statement of what a client asks for, or takes a lock
    /// for it, calls this first; so a request sends no more than its budget and the few statements by key that follow
    /// the last of these.
    ///
    /// # Errors
    ///
    /// [`Kind::TooCostly`].
    pub fn check_budget(&self) -> Result<(), Error> {
        match self.most {
            Some(most) if self.meter.count() >= most => {
                tracing::warn!("a request was refused: it needs more statements than one may send");
                Err(Error::new(Kind::TooCostly, TOO_MANY_STATEMENTS))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// How many statements a request may still send, in all of its transactions.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Arc<AtomicU64>,
}

impl Budget {
    /// That of a request alone, or of a Bundle with so many entries.
    pub fn of_entries(entries: usize) -> Self {
        const OF_REQUEST: u64 = 50;
        const OF_ENTRY: u64 = 20;
        let entries = u64::try_from(entries).unwrap_or(u64::MAX);
        let left = OF_ENTRY.saturating_mul(entries).saturating_add(OF_REQUEST);
        Self { left: Arc::new(AtomicU64::new(left)) }
    }
}

const TOO_MANY_STATEMENTS: &str = "The request needs more questions to the database than one request may ask. \
    Ask for less at a time: fewer includes, types or entries.";

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
}

/// Runs `work` in a transaction: commits when it returns `Ok`, rolls back when it returns `Err`. A commit of
/// something that was published is told to `published`.
pub(crate) fn run<T, E, F>(pool: &Pool<Manager>, mode: Mode, published: &Notify, work: F) -> Result<T, E>
where
    E: From<Error>,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
{
    carry_out(begin(pool, mode)?, published, work)
}

/// As [`run`], on the connection that is free now, if one is; else the work is given back.
pub(crate) fn run_now<T, E, F>(
    pool: &Pool<Manager>,
    mode: Mode,
    published: &Notify,
    work: F,
) -> Result<Result<T, E>, F>
where
    E: From<Error>,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
{
    let Some(pooled) = pool.try_get() else { return Err(work) };
    Ok(run_on(pooled, mode, published, work))
}

/// As [`run`], on this connection.
pub(crate) fn run_on<T, E, F>(
    mut pooled: r2d2::PooledConnection<Manager>,
    mode: Mode,
    published: &Notify,
    work: F,
) -> Result<T, E>
where
    E: From<Error>,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
{
    begin_on(&mut pooled, mode).map_err(Error::from)?;
    carry_out(pooled, published, work)
}

/// Runs `work` without a transaction: each of its statements sees the database as it is at that moment. A database
/// server that was restarted leaves dead connections in the pool. Without a beginning to find that out by, it is
/// looked at when the work has failed; then the work is done again on another.
pub(crate) fn run_bare<T, E, F>(pool: &Pool<Manager>, work: &F) -> Result<T, E>
where
    E: From<Error>,
    F: Fn(&mut Tx<'_>) -> Result<T, E>,
{
    let mut left = pool.max_size();
    loop {
        let mut pooled = pool.get().map_err(Error::busy)?;
        let result = run_bare_on(&mut pooled, work);
        let is_dead = result.is_err() && matches!(pooled.db, Db::Postgres(_)) && pooled.ping().is_err();
        if !is_dead || left == 0 {
            return result;
        }
        pooled.is_in_use = true;
        left -= 1;
    }
}

/// As [`run_bare`], on the connection that is free now, if one is.
pub(crate) fn run_bare_now<T, E, F>(pool: &Pool<Manager>, work: &F) -> Option<Result<T, E>>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E>,
{
    let mut pooled = pool.try_get()?;
    Some(run_bare_on(&mut pooled, work))
}

fn run_bare_on<T, E, F>(pooled: &mut Pooled, work: &F) -> Result<T, E>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E>,
{
    pooled.is_in_use = true;
    let result = work(&mut Tx::new(pooled));
    pooled.is_in_use = false;
    result
}

pub(crate) fn carry_out<T, E, F>(
    mut pooled: r2d2::PooledConnection<Manager>,
    published: &Notify,
    work: F,
) -> Result<T, E>
where
    E: From<Error>,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
{
    let meter = Arc::clone(&pooled.meter);
    meter.forget_victim();
    let mut tx = Tx::new(&mut pooled);
    let result = work(&mut tx).and_then(|value| {
        tx.write_records()?;
        // A commit of what was given up is a rollback that reports no error.
        if meter.is_victim() {
            return Err(Error::busy("the database gave the transaction up").into());
        }
        Ok(value)
    });
    let has_published = tx.has_published;
    match result {
        Ok(value) => {
            pooled.db.batch_execute("COMMIT").map_err(Error::from)?;
            pooled.is_in_use = false;
            if has_published {
                published.notify_one();
            }
            Ok(value)
        }
        Err(error) => {
            // A rollback that fails leaves the mark standing, and the pool throws the connection away.
            pooled.is_in_use = pooled.db.batch_execute("ROLLBACK").is_err();
            Err(error)
        }
    }
}

/// Takes a connection and begins. A database server that was restarted leaves dead connections in the
/// pool: each is found out here and thrown away, until one works or all were tried. SQLite has no server:
/// there it is the lock that was waited for in vain, and the caller is told at once.
pub(crate) fn begin(pool: &Pool<Manager>, mode: Mode) -> Result<r2d2::PooledConnection<Manager>, Error> {
    let mut left = pool.max_size() + 1;
    loop {
        let mut pooled = pool.get().map_err(Error::busy)?;
        match begin_on(&mut pooled, mode) {
            Ok(()) => return Ok(pooled),
            Err(_) if left > 0 && matches!(pooled.db, Db::Postgres(_)) => left -= 1,
            Err(error) => return Err(error.into()),
        }
    }
}

fn begin_on(pooled: &mut Pooled, mode: Mode) -> diesel::QueryResult<()> {
    pooled.is_in_use = true;
    let statement = begin_statement(pooled, mode);
    pooled.db.batch_execute(&statement)
}

/// SQLite takes its write lock at once: a transaction that reads first and then writes would be
/// refused (82 of 100 in a measurement with four threads). PostgreSQL's reads see one snapshot.
///
/// Through a pooler, what is set for a session is set for whoever comes next: there the settings of a connection
/// (`POSTGRES_SETTINGS` in [`crate::db`]) are set for the transaction, in the same message as its beginning.
fn begin_statement(pooled: &Pooled, mode: Mode) -> Cow<'static, str> {
    let settings = || {
        let deadline = milliseconds(pooled.deadline);
        format!(
            "SET LOCAL TIME ZONE 'UTC'; SET LOCAL statement_timeout TO {deadline}; \
             SET LOCAL client_min_messages TO warning"
        )
    };
    match (&pooled.db, mode, pooled.has_pooler) {
        (Db::Sqlite(_), Mode::Write, _) => "BEGIN IMMEDIATE".into(),
        (Db::Sqlite(_), Mode::Read, _) | (Db::Postgres(_), Mode::Write, false) => "BEGIN".into(),
        (Db::Postgres(_), Mode::Read, false) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".into(),
        (Db::Postgres(_), Mode::Write, true) => {
            format!("BEGIN; SET LOCAL synchronous_commit TO on; {}", settings()).into()
        }
        (Db::Postgres(_), Mode::Read, true) => {
            format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}", settings()).into()
        }
    }
}
