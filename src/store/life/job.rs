//! The jobs: when each is due, and who runs it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::dialect::on_dialect;
use crate::schema::jobs;
use crate::tx::Tx;
use base::date_time::{from_millis, to_millis};
use base::error::Error;

/// No process takes a job for as long as this (`jobs.lease_seconds`), nor is its clock so far from another's. A
/// lease that is longer was taken by a clock that was ahead. In milliseconds.
const LONGEST_LEASE: i64 = 2 * 3600 * 1000;

/// A job, as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Its name.
    pub name: String,
    /// When it is to run next.
    pub due_at: DateTime<Utc>,
    /// Which process runs it, and until when nobody else may.
    pub lease: Option<(String, DateTime<Utc>)>,
    /// When its last run began.
    pub started_at: Option<DateTime<Utc>>,
    /// When its last run ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// What came of it: `done`, `partly` or `failed`.
    pub outcome: Option<String>,
    /// How many things the last run did.
    pub done: i64,
    /// How many it skipped, because they cannot be done.
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
    /// Makes a job known, due now; one that is known stays as it is.
    ///
    /// # Errors
    ///
    /// When the database refuses.
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
    /// When the database does not answer.
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

    /// Takes a job that is due (or, for whoever says so, at any time), unless somebody else has it. Of two at
    /// once, one gets it.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
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
        let free =
            jobs::lease_until.is_null().or(jobs::lease_until.le(now)).or(jobs::lease_until.gt(longest));
        let target = jobs::table
            .filter(jobs::name.eq(name))
            .filter(jobs::due_at.le(due_by))
            .filter(free.assume_not_null());
        let lease =
            (jobs::lease_holder.eq(holder), jobs::lease_until.eq(to_millis(until)), jobs::started_at.eq(now));
        Ok(diesel::update(target).set(lease).execute(self.db)? == 1)
    }

    /// Keeps a job for longer; false where it was taken over. In the transaction of the work it does more: it
    /// makes sure that the work of somebody who lost the job is not committed.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn renew_job(&mut self, name: &str, holder: &str, until: DateTime<Utc>) -> Result<bool, Error> {
        let held = jobs::table.find(name).filter(jobs::lease_holder.eq(holder));
        let kept = diesel::update(held).set(jobs::lease_until.eq(to_millis(until))).execute(self.db)?;
        Ok(kept == 1)
    }

    /// Lets a job go, and says what came of it; nothing where it was taken over.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
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

    /// Up to when everything of a job is done, where it goes forward in time.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn find_job_mark(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, Error> {
        let mark: Option<Option<i64>> =
            jobs::table.find(name).select(jobs::mark).first(self.db).optional()?;
        Ok(mark.flatten().map(from_millis))
    }

    /// Says up to when everything of a job is done.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn save_job_mark(&mut self, name: &str, mark: DateTime<Utc>) -> Result<(), Error> {
        diesel::update(jobs::table.find(name)).set(jobs::mark.eq(to_millis(mark))).execute(self.db)?;
        Ok(())
    }
}
