//! What the service does by itself, at its time: one job per file.
//!
//! Every server process runs the [`Runner`]. A job is a row of the database with a time when it is due; whoever
//! takes it holds a lease, and renews it in the transaction of each batch. So a job runs once at a time however
//! many processes there are, the work of a process that lost its lease is not committed, and the job of one that
//! was killed is taken over when its lease has run out. A job does everything that is due by now, not what is
//! due today: whatever was missed while no server ran is done by the next run.
//!
//! A batch is one transaction. Where a row of it cannot be done, the rows are done one by one, and the bad one is
//! logged and skipped: it never stops the others, and is tried again in the next run.

mod deactivate_unused;
mod expire_roles;
mod letter;
mod milestones;
mod purge;
mod remind;
mod run;
mod runner;
mod send_messages;
pub mod sender;
pub mod settings;

use chrono::TimeDelta;

use run::{Halt, Run};

pub use runner::{Runner, Running};

/// A job.
#[derive(Clone, Copy)]
pub struct Job {
    /// Its name, in the database and on the command line.
    pub name: &'static str,
    /// How long after the beginning of a run the next one is due.
    pub period: TimeDelta,
    run: fn(&mut Run<'_>) -> Result<(), Halt>,
}

/// Every job, in the order in which those that are due are run.
pub const JOBS: &[Job] = &[
    Job { name: "expire-roles", period: TimeDelta::minutes(1), run: expire_roles::run },
    Job { name: "milestones", period: TimeDelta::hours(1), run: milestones::run },
    Job { name: "deactivate-unused", period: TimeDelta::hours(24), run: deactivate_unused::run },
    Job { name: "remind", period: TimeDelta::hours(1), run: remind::run },
    Job { name: "send-messages", period: TimeDelta::minutes(1), run: send_messages::run },
    Job { name: "purge", period: TimeDelta::hours(1), run: purge::run },
];

impl Job {
    /// Finds a job by its name.
    pub fn find(name: &str) -> Option<Self> {
        JOBS.iter().copied().find(|job| job.name == name)
    }
}
