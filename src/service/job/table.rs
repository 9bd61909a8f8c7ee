//! The table of jobs.

use chrono::TimeDelta;

use super::run::{Halt, JobRun};
use super::{deactivate_unused, expire_roles, milestones, purge, remind, send_messages, statistics};

/// A job.
#[derive(Clone, Copy)]
pub struct Job {
    /// Its name, in the database and on the command line.
    pub name: &'static str,
    /// The time from the beginning of a run until the next one is due.
    pub period: TimeDelta,
    pub(super) run: fn(&mut JobRun<'_>) -> Result<(), Halt>,
}

/// Every job, in the order in which due jobs run.
pub const JOBS: &[Job] = &[
    Job { name: "expire-roles", period: TimeDelta::minutes(1), run: expire_roles::run },
    Job { name: "milestones", period: TimeDelta::hours(1), run: milestones::run },
    Job { name: "deactivate-unused", period: TimeDelta::hours(24), run: deactivate_unused::run },
    Job { name: "remind", period: TimeDelta::hours(1), run: remind::run },
    Job { name: "send-messages", period: TimeDelta::minutes(1), run: send_messages::run },
    Job { name: "purge", period: TimeDelta::hours(1), run: purge::run },
    Job { name: "statistics", period: TimeDelta::hours(24), run: statistics::run },
];

impl Job {
    /// Finds a job by its name.
    pub fn find(name: &str) -> Option<Self> {
        JOBS.iter().copied().find(|job| job.name == name)
    }
}
