//! How a transaction is begun, carried out and ended.

use std::borrow::Cow;
use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use r2d2::Pool;
use tokio::sync::Notify;

use super::transaction::Tx;
use crate::db::{Db, Manager, Pooled, milliseconds};
use base::error::Error;

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionMode {
    Read,
    Write,
}

/// Runs `work` in a transaction: commits when it returns `Ok`, rolls back when it returns `Err`. A commit of
/// something that was published is told to `published`.
pub(crate) fn run<T, E, F>(
    pool: &Pool<Manager>,
    mode: TransactionMode,
    published: &Notify,
    work: F,
) -> Result<T, E>
where
    E: From<Error>,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
{
    run_in_transaction(begin(pool, mode)?, published, work)
}

/// As [`run`], on the connection that is free now, if one is; else the work is given back.
pub(crate) fn run_now<T, E, F>(
    pool: &Pool<Manager>,
    mode: TransactionMode,
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
    mode: TransactionMode,
    published: &Notify,
    work: F,
) -> Result<T, E>
where
    E: From<Error>,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
{
    begin_on(&mut pooled, mode).map_err(Error::from)?;
    pooled.may_catch_up = false;
    run_in_transaction(pooled, published, work)
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
    pooled.may_catch_up = false;
    let result = work(&mut Tx::new(pooled));
    pooled.is_in_use = false;
    result
}

pub(crate) fn run_in_transaction<T, E, F>(
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
pub(crate) fn begin(
    pool: &Pool<Manager>,
    mode: TransactionMode,
) -> Result<r2d2::PooledConnection<Manager>, Error> {
    let mut left = pool.max_size() + 1;
    loop {
        let mut pooled = pool.get().map_err(Error::busy)?;
        match begin_on(&mut pooled, mode) {
            Ok(()) => {
                pooled.may_catch_up = mode == TransactionMode::Read;
                return Ok(pooled);
            }
            Err(_) if left > 0 && matches!(pooled.db, Db::Postgres(_)) => left -= 1,
            Err(error) => return Err(error.into()),
        }
    }
}

fn begin_on(pooled: &mut Pooled, mode: TransactionMode) -> diesel::QueryResult<()> {
    pooled.is_in_use = true;
    let statement = begin_statement(pooled, mode);
    let Pooled { db, turn, .. } = pooled;
    let mut begin = || db.batch_execute(&statement);
    match turn {
        Some(turn) if mode == TransactionMode::Write => turn.begin(begin),
        Some(_) | None => begin(),
    }
}

/// SQLite takes its write lock at once: a transaction that reads first and then writes would be
/// refused (82 of 100 in a measurement with four threads). PostgreSQL's reads see one snapshot.
///
/// Through a pooler, what is set for a session is set for the next client of that session: there the settings of a connection
/// (`POSTGRES_SETTINGS` in [`crate::db`]) are set for the transaction, in the same message as its beginning.
fn begin_statement(pooled: &Pooled, mode: TransactionMode) -> Cow<'static, str> {
    let settings = || {
        let deadline = milliseconds(pooled.deadline);
        format!(
            "SET LOCAL TIME ZONE 'UTC'; SET LOCAL statement_timeout TO {deadline}; \
             SET LOCAL client_min_messages TO warning"
        )
    };
    match (&pooled.db, mode, pooled.has_pooler) {
        (Db::Sqlite(_), TransactionMode::Write, _) => "BEGIN IMMEDIATE".into(),
        (Db::Sqlite(_), TransactionMode::Read, _) | (Db::Postgres(_), TransactionMode::Write, false) => {
            "BEGIN".into()
        }
        (Db::Postgres(_), TransactionMode::Read, false) => {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".into()
        }
        (Db::Postgres(_), TransactionMode::Write, true) => {
            format!("BEGIN; SET LOCAL synchronous_commit TO on; {}", settings()).into()
        }
        (Db::Postgres(_), TransactionMode::Read, true) => {
            format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}", settings()).into()
        }
    }
}
