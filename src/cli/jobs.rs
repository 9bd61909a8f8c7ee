//! `onbehalf jobs`: the service's jobs, and their last runs.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::serve::runner;
use crate::verb::database::open_migrated_store;
use crate::verb::failure::CommandFailure;
use crate::verb::output::Output;
use base::clock::{Clock as _, SystemClock};
use base::date_time::render_instant;
use base::error::Error;
use config::Sources;
use service::job::{JOBS, Job};
use store::{JobRow, Tx};

#[derive(Subcommand)]
pub(super) enum JobsCommand {
    /// Run a job now, even if it is not due, unless another process is running it
    Run {
        /// Its name, as `onbehalf jobs` lists it
        name: String,
    },
}

pub(super) fn jobs(
    sources: &Sources,
    act: Option<JobsCommand>,
    output: Output,
) -> Result<(), CommandFailure> {
    let config = sources.load()?;
    let store = open_migrated_store(&config)?;
    if let Some(JobsCommand::Run { name }) = act {
        let Some(job) = Job::find(&name) else {
            let names: Vec<&str> = JOBS.iter().map(|job| job.name).collect();
            return Err(CommandFailure::Other(format!(
                "unknown job {name}; the jobs are {}",
                names.join(", ")
            )));
        };
        if !runner(&config, &store, Arc::new(SystemClock))?.run_now(&job)? {
            return Err(CommandFailure::Other(format!(
                "another process is running {name}: `onbehalf jobs` shows until when"
            )));
        }
        let rows = store.read_here::<_, Error, _>(list)?;
        let ran = rows.iter().find(|row| row.name == job.name);
        output.print(|| document(&job, ran), || vec![describe(&job, ran)]);
        return match ran.and_then(|row| row.outcome.as_deref()) {
            Some("failed") => Err(CommandFailure::Other(format!("{name} failed"))),
            _ => Ok(()),
        };
    }
    let rows = store.read_here::<_, Error, _>(list)?;
    let all = || JOBS.iter().map(|job| (job, rows.iter().find(|row| row.name == job.name)));
    output.print(
        || all().map(|(job, row)| document(job, row)).collect(),
        || all().map(|(job, row)| describe(job, row)).collect(),
    );
    Ok(())
}

/// A job as JSON: times are instants, or null.
fn document(job: &Job, row: Option<&JobRow>) -> Value {
    let Some(row) = row else { return json!({ "name": job.name }) };
    let lease = row.lease.as_ref().filter(|(_, until)| *until > SystemClock.now());
    json!({
        "name": job.name,
        "dueAt": render_instant(row.due_at),
        "startedAt": row.started_at.map(render_instant),
        "finishedAt": row.finished_at.map(render_instant),
        "outcome": row.outcome,
        "done": row.done,
        "skipped": row.skipped,
        "lease": lease.map(|(holder, until)| json!({ "holder": holder, "until": render_instant(*until) })),
    })
}

fn list(tx: &mut Tx<'_>) -> Result<Vec<JobRow>, Error> {
    tx.list_jobs()
}

/// One line about a job, for people and for `grep`.
fn describe(job: &Job, row: Option<&JobRow>) -> String {
    let Some(row) = row else { return format!("{}: due now, has never run", job.name) };
    let at = |at: Option<DateTime<Utc>>| at.map_or_else(|| "never".to_owned(), render_instant);
    let outcome = row.outcome.as_deref().unwrap_or("nothing yet");
    let lease = row.lease.as_ref().filter(|(_, until)| *until > SystemClock.now());
    let lease = lease.map(|(holder, until)| format!(", runs in {holder} until {}", render_instant(*until)));
    format!(
        "{}: due {}, last started {}, last finished {}, {outcome} ({} done, {} skipped){}",
        job.name,
        render_instant(row.due_at),
        at(row.started_at),
        at(row.finished_at),
        row.done,
        row.skipped,
        lease.unwrap_or_default(),
    )
}
