//! Write transactions: run again where the database gave one up for another, and watched for how long they hold what
//! others wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use r2d2::Pool;
use tokio::sync::Notify;

use crate::db::Manager;
use crate::tx::run::{TransactionMode, begin, run_in_transaction};
use crate::tx::transaction::Tx;
use base::error::Error;
use base::held;
use base::ids;

/// For how long a write may hold the database. On SQLite every other write waits meanwhile, and with it every read
/// that is recorded.
const BUDGET: Duration = Duration::from_secs(2);
/// How often a transaction that was given up is run again.
const TRIES: u32 = 5;
/// The longest pause before the first of these; each doubles it.
const PAUSE: Duration = Duration::from_millis(20);

/// What write transactions share.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) pool: Pool<Manager>,
    pub(crate) published: Arc<Notify>,
    /// How many writes have held the database for longer than they may.
    pub(crate) long: Arc<AtomicU64>,
}

impl Writer {
    /// Runs `work` and reports it where it takes too long. `name` is that of its type, which is in the program and
    /// says nothing of a person.
    pub(crate) fn watch<R>(&self, name: &'static str, work: impl FnOnce() -> R) -> R {
        let began = Instant::now();
        let result = held::during(work);
        let held = began.elapsed();
        if held > BUDGET {
            self.long.fetch_add(1, Ordering::Relaxed);
            let seconds = held.as_secs_f64();
            tracing::error!(work = name, seconds, "a write held the database for longer than it may");
        }
        result
    }
}

/// As [`super::run`], in a write transaction that is run again where PostgreSQL gave it up for another one's sake: as the
/// victim of a deadlock, or because the two cannot be serialized. Nothing of an attempt is left to the next one.
pub(crate) fn run_again<T, E, F>(writer: &Writer, name: &'static str, mut work: F) -> Result<T, E>
where
    E: From<Error>,
    F: FnMut(&mut Tx<'_>) -> Result<T, E>,
{
    let mut tries = 1;
    loop {
        let pooled = begin(&writer.pool, TransactionMode::Write)?;
        let meter = Arc::clone(&pooled.meter);
        let result = writer.watch(name, || run_in_transaction(pooled, &writer.published, &mut work));
        let is_given_up = result.is_err() && meter.is_victim();
        if !is_given_up || tries > TRIES {
            return result;
        }
        tracing::warn!(work = name, tries, "the database gave a transaction up: it is run again");
        thread::sleep(pause(tries)?);
        tries += 1;
    }
}

/// A random part of a time that grows with each attempt, so that two which met do not meet again.
fn pause(tries: u32) -> Result<Duration, Error> {
    let [chance]: [u8; 1] = ids::random_bytes().map_err(Error::fault)?;
    Ok(PAUSE * 2_u32.saturating_pow(tries.saturating_sub(1)) * u32::from(chance) / 255)
}
