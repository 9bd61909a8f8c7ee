//! One run of a job: its lease, its batches, its counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::job::sender::Sender;
use crate::job::settings::Jobs;
use base::clock::Clock;
use base::error::{Error, ErrorKind};
use store::{DueRow, Store, Tx};

/// The longest pause between two transactions.
const MOST_PAUSE: Duration = Duration::from_secs(1);

/// A running job.
pub(super) struct JobRun<'r> {
    pub(super) name: &'static str,
    pub(super) store: &'r Store,
    pub(super) clock: &'r dyn Clock,
    pub(super) settings: &'r Jobs,
    pub(super) sender: &'r dyn Sender,
    pub(super) holder: &'r str,
    pub(super) is_stopping: &'r AtomicBool,
    /// Rows done.
    pub(super) done: i64,
    /// Rows skipped.
    pub(super) skipped: i64,
}

/// Why a run stops early.
#[derive(Debug)]
pub(super) enum Halt {
    /// Another process has taken the job over.
    LeaseLost,
    /// The process is shutting down.
    Stopping,
    /// The run failed.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl JobRun<'_> {
    /// The current time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Works in one transaction that commits only if this process still holds the lease, which it renews; it
    /// is run again where the database aborted it. Then the job pauses for as long as that took: SQLite has
    /// one writer, requests wait for it, and a job can have a million rows.
    pub(super) fn commit<T>(&self, mut work: impl FnMut(&mut Tx<'_>) -> Result<T, Error>) -> Result<T, Halt> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err(Halt::Stopping);
        }
        let until = self.now() + self.settings.lease;
        let started = Instant::now();
        let done = self.store.write_here_again(|tx| {
            if !tx.renew_job(self.name, self.holder, until)? {
                return Err(Halt::LeaseLost);
            }
            Ok(work(tx)?)
        });
        thread::sleep(started.elapsed().min(MOST_PAUSE));
        done
    }

    /// Calls `act` for every row that `find` returns, batch after batch. `act` returns how much it has done.
    pub(super) fn for_each(
        &mut self,
        find: impl Fn(&mut Tx<'_>, &DueRow, i64) -> Result<Vec<DueRow>, Error>,
        act: impl Fn(&mut Tx<'_>, &DueRow) -> Result<u32, Error>,
    ) -> Result<(), Halt> {
        let mut after = DueRow::FIRST;
        loop {
            let limit = self.settings.batch;
            let mut batch = self.store.read_here::<_, Error, _>(|tx| find(tx, &after, limit))?;
            let Some(last) = batch.last().cloned() else { return Ok(()) };
            // The order in which every other transaction locks its rows.
            batch.sort_by(|one, other| one.id.cmp(&other.id));
            let all = self.commit(|tx| {
                let mut done = 0;
                for row in &batch {
                    done += act(tx, row)?;
                }
                Ok(done)
            });
            match all {
                Ok(done) => self.done += i64::from(done),
                Err(Halt::Failed(error)) if error.kind() != ErrorKind::Busy => {
                    self.one_by_one(&batch, &act)?;
                }
                Err(halt) => return Err(halt),
            }
            after = last;
        }
    }

    fn one_by_one(
        &mut self,
        batch: &[DueRow],
        act: &impl Fn(&mut Tx<'_>, &DueRow) -> Result<u32, Error>,
    ) -> Result<(), Halt> {
        for row in batch {
            match self.commit(|tx| act(tx, row)) {
                Ok(done) => self.done += i64::from(done),
                Err(Halt::Failed(error)) if error.kind() != ErrorKind::Busy => self.skip(row, &error),
                Err(halt) => return Err(halt),
            }
        }
        Ok(())
    }

    /// Logs a row that fails. The id of a role may be logged; that of a person is left out.
    fn skip(&mut self, row: &DueRow, error: &Error) {
        self.skipped += 1;
        let id = uuid::Uuid::parse_str(&row.id).map(|id| id.to_string()).unwrap_or_default();
        tracing::error!(job = self.name, row = id, cause = error.cause(), "a row failed and is skipped");
    }
}
