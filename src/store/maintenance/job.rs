//! Scheduled jobs: their due times and leases.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::dialect::on_dialect;
use crate::schema::jobs;
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::{from_millis, to_millis};
use base::error::Error;

/// No lease of a job is as long as this (`jobs.lease_seconds`), nor do the clocks of processes differ by as
/// much. A longer lease was taken by a clock that was ahead. In milliseconds.
const LONGEST_LEASE: i64 = 2 * 3600 * 1000;

/// The row of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Its name.
    pub name: String,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// The process that runs it, and when its lease expires.
    pub lease: Option<(String, DateTime<Utc>)>,
    /// When its last run began.
    pub started_at: Option<DateTime<Utc>>,
    /// When its last run ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The outcome of its last run: `done`, `partly` or `failed`.
    pub outcome: Option<String>,
    /// The number of things that the last run did.
    pub done: i64,
    /// The number of rows that it skipped because they failed.
    pub skipped: i64,
}

type Row = (
    String,
    i64,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    i64,
    i64,
    Option<i64>,
);

impl Tx<'_> {
    /// Inserts a job, due now; an existing one is unchanged.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_job_if_new(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let row =
            (jobs::name.eq(name), jobs::due_at.eq(to_millis(now)), jobs::done.eq(0), jobs::skipped.eq(0));
        on_dialect!(self.db, c => {
            diesel::insert_into(jobs::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
        Ok(())
    }

    /// Every job, by name.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_jobs(&mut self) -> Result<Vec<JobRow>, Error> {
        let rows: Vec<Row> = jobs::table.order(jobs::name).load(self.db)?;
        let job = |(name, due_at, holder, until, started, finished, outcome, done, skipped, _): Row| JobRow {
            name,
            due_at: from_millis(due_at),
            lease: holder.zip(until.map(from_millis)),
            started_at: started.map(from_millis),
            finished_at: finished.map(from_millis),
            outcome,
            done,
            skipped,
        };
        Ok(rows.into_iter().map(job).collect())
    }

    /// Takes the lease of a job that is due (or, with `even_early`, at any time), unless another process
    /// holds it. Of two concurrent callers, one gets it.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn take_job(
        &mut self,
        name: &str,
        holder: &str,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
        even_early: bool,
    ) -> Result<bool, Error> {
        let now = to_millis(now);
        let due_by = if even_early { i64::MAX } else { now };
        let longest = now.saturating_add(LONGEST_LEASE);
        let take = "UPDATE jobs SET lease_holder = ?, lease_until = ?, started_at = ? WHERE name = ? AND due_at <= ? \
            AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)";
        let take = Sql::fixed(take).text(holder).number(to_millis(until)).number(now);
        let take = take.text(name).number(due_by).number(now).number(longest);
        Ok(on_dialect!(self.db, c => take.execute(c))? == 1)
    }

    /// Renews a lease; returns false where the job was taken over. In the transaction of the work this also
    /// ensures that the work of a process that lost the job is not committed.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn renew_job(&mut self, name: &str, holder: &str, until: DateTime<Utc>) -> Result<bool, Error> {
        let renew = "UPDATE jobs SET lease_until = ? WHERE name = ? AND lease_holder = ?";
        let renew = Sql::fixed(renew).number(to_millis(until)).text(name).text(holder);
        Ok(on_dialect!(self.db, c => renew.execute(c))? == 1)
    }

    /// Releases a job with the outcome of its run; nothing where it was taken over.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn finish_job(&mut self, holder: &str, job: &JobRow) -> Result<(), Error> {
        let held = jobs::table.find(&job.name).filter(jobs::lease_holder.eq(holder));
        let ended = (
            jobs::lease_holder.eq(None::<String>),
            jobs::lease_until.eq(None::<i64>),
            jobs::due_at.eq(to_millis(job.due_at)),
            jobs::finished_at.eq(job.finished_at.map(to_millis)),
            jobs::outcome.eq(&job.outcome),
            jobs::done.eq(job.done),
            jobs::skipped.eq(job.skipped),
        );
        diesel::update(held).set(ended).execute(self.db)?;
        Ok(())
    }

    /// The mark of a job that goes forward in time: everything up to it is done.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_job_mark(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, Error> {
        let mark: Option<Option<i64>> =
            jobs::table.find(name).select(jobs::mark).first(self.db).optional()?;
        Ok(mark.flatten().map(from_millis))
    }

    /// Stores the mark of a job.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn save_job_mark(&mut self, name: &str, mark: DateTime<Utc>) -> Result<(), Error> {
        diesel::update(jobs::table.find(name)).set(jobs::mark.eq(to_millis(mark))).execute(self.db)?;
        Ok(())
    }
}
