//! Runs due jobs on a thread of its own.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender as Signal, channel};
use std::thread::{Builder, JoinHandle};

use chrono::{DateTime, TimeDelta, Utc};

use crate::job::run::{Halt, JobRun};
use crate::job::sender::Sender;
use crate::job::settings::Jobs;
use crate::job::table::{JOBS, Job};
use base::clock::Clock;
use base::error::Error;
use base::ids;
use store::{JobRow, Store};

/// The delay before a failed job is retried, if its period is not shorter.
const RETRY: TimeDelta = TimeDelta::minutes(1);

/// Runs jobs.
#[derive(Clone)]
pub struct Runner {
    store: Store,
    clock: Arc<dyn Clock>,
    settings: Arc<Jobs>,
    sender: Arc<dyn Sender>,
    /// The holder of the leases: drawn for each runner.
    holder: Arc<str>,
    is_stopping: Arc<AtomicBool>,
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("holder", &self.holder).finish_non_exhaustive()
    }
}

impl Runner {
    /// A runner that is not started.
    pub fn new(store: Store, clock: Arc<dyn Clock>, settings: Jobs, sender: Arc<dyn Sender>) -> Self {
        let holder = ids::new_uuid(clock.now()).to_string().into();
        let settings = Arc::new(settings);
        Self { store, clock, settings, sender, holder, is_stopping: Arc::default() }
    }

    /// Starts the thread that runs due jobs until it is stopped.
    pub fn start(self) -> JobRunner {
        let (stop, stopped) = channel::<()>();
        let is_stopping = Arc::clone(&self.is_stopping);
        let thread = Builder::new().name("jobs".to_owned()).spawn(move || {
            while !self.is_stopping.load(Ordering::Relaxed) {
                self.run_due();
                if let Ok(()) | Err(RecvTimeoutError::Disconnected) = stopped.recv_timeout(self.settings.poll)
                {
                    break;
                }
            }
        });
        if let Err(error) = &thread {
            tracing::error!(%error, "jobs cannot run in this process: no thread");
        }
        JobRunner { is_stopping, stop: Some(stop), thread: thread.ok() }
    }

    /// Runs every due job that no other process runs, one after the other, and returns their names.
    pub fn run_due(&self) -> Vec<&'static str> {
        let mut ran = Vec::new();
        for job in JOBS {
            match self.run(job, false) {
                Ok(true) => ran.push(job.name),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(
                        job = job.name,
                        cause = error.cause(),
                        "the state of a job cannot be read: {error}"
                    );
                }
            }
        }
        ran
    }

    /// Runs a job now, due or not; returns false where another process runs it.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn run_now(&self, job: &Job) -> Result<bool, Error> {
        self.run(job, true)
    }

    fn run(&self, job: &Job, even_early: bool) -> Result<bool, Error> {
        let started_at = self.clock.now();
        if !self.take(job, started_at, even_early)? {
            return Ok(false);
        }
        let mut run = JobRun {
            name: job.name,
            store: &self.store,
            clock: &*self.clock,
            settings: &self.settings,
            sender: &*self.sender,
            holder: &self.holder,
            is_stopping: &self.is_stopping,
            done: 0,
            skipped: 0,
        };
        // A panic would end the thread, and with it every job of this process.
        let panicked = Halt::Failed(Error::fault("the job panicked"));
        let result = catch_unwind(AssertUnwindSafe(|| (job.run)(&mut run))).unwrap_or(Err(panicked));
        let (done, skipped) = (run.done, run.skipped);
        self.finish(job, started_at, &result, (done, skipped))?;
        Ok(true)
    }

    /// Takes the lease of a job, if it is due and free. The check takes no lock.
    fn take(&self, job: &Job, now: DateTime<Utc>, even_early: bool) -> Result<bool, Error> {
        let known = self.store.read_here::<_, Error, _>(|tx| {
            Ok(tx.list_jobs()?.into_iter().find(|row| row.name == job.name))
        })?;
        // A job is never postponed for longer than its period. A due time beyond that was written by a clock
        // that was ahead, and would keep the job from running until that time.
        let is_ahead = known.as_ref().is_some_and(|known| known.due_at > now + job.period);
        if !even_early && !is_ahead && known.is_some_and(|known| known.due_at > now) {
            return Ok(false);
        }
        let even_early = even_early || is_ahead;
        let until = now + self.settings.lease;
        self.store.write_here(|tx| {
            tx.insert_job_if_new(job.name, now)?;
            tx.take_job(job.name, &self.holder, until, now, even_early)
        })
    }

    fn finish(
        &self,
        job: &Job,
        started_at: DateTime<Utc>,
        result: &Result<(), Halt>,
        (done, skipped): (i64, i64),
    ) -> Result<(), Error> {
        let finished_at = self.clock.now();
        let (outcome, due_at) = match result {
            Ok(()) if skipped == 0 => ("done", started_at + job.period),
            Ok(()) => ("partly", started_at + job.period),
            // Another process continues at once.
            Err(Halt::Stopping | Halt::LeaseLost) => ("partly", finished_at),
            Err(Halt::Failed(error)) => {
                tracing::error!(job = job.name, cause = error.cause(), "a job failed: {error}");
                ("failed", finished_at + job.period.min(RETRY))
            }
        };
        let row = JobRow {
            name: job.name.to_owned(),
            due_at,
            lease: None,
            started_at: Some(started_at),
            finished_at: Some(finished_at),
            outcome: Some(outcome.to_owned()),
            done,
            skipped,
        };
        self.store.write_here::<_, Error, _>(|tx| tx.finish_job(&self.holder, &row))?;
        if done > 0 || skipped > 0 {
            tracing::info!(job = job.name, outcome, done, skipped, "a job ran");
        }
        Ok(())
    }
}

/// A running runner; dropping it stops it at the end of its present batch.
#[derive(Debug)]
pub struct JobRunner {
    is_stopping: Arc<AtomicBool>,
    stop: Option<Signal<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for JobRunner {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the jobs' thread panicked");
        }
    }
}
