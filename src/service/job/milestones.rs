//! Milestones: on the birthdays of the settings' table, the roles for a child are marked for review, or end.
//!
//! A run covers the birthdays since the last run that completed; the first run, those of the last year.

use chrono::{DateTime, TimeDelta, Utc};

use crate::job::run::{Halt, JobRun};
use crate::proxy::reach_milestone;
use base::date_time::FhirDateTime;
use base::error::Error;
use domain::person::{NhsNumber, NumberCheck};

/// How far back the first run looks.
const FIRST: TimeDelta = TimeDelta::days(366);
/// Clocks of processes differ, and a day's birthdays are all due at its beginning: each run covers the last
/// days again. Each action is done once.
const OVERLAP: TimeDelta = TimeDelta::days(2);

pub(super) fn run(run: &mut JobRun<'_>) -> Result<(), Halt> {
    let (now, clock, settings, name) = (run.now(), run.clock, run.settings, run.name);
    let mark = run.store.read_here::<_, Error, _>(|tx| tx.find_job_mark(name))?;
    let since = mark.map_or(now - FIRST, |mark| mark - OVERLAP);
    for age in settings.milestones.ages() {
        let (Some(from), Some(to)) = (born(since, age), born(now, age)) else { continue };
        run.for_each(
            |tx, after, limit| tx.list_born((from, to), age, after, limit),
            |tx, person| {
                let number = NhsNumber::parse(&person.id, NumberCheck::Length);
                let number = number.map_err(Error::fault)?;
                reach_milestone(tx, clock, &settings.milestones, number, age)
            },
        )?;
    }
    if run.skipped == 0 {
        run.commit(|tx| tx.save_job_mark(name, now))?;
    }
    Ok(())
}

/// The end of the last day of birth of people who have reached this age at that time.
fn born(at: DateTime<Utc>, age: i32) -> Option<DateTime<Utc>> {
    let day = FhirDateTime::from_instant(at).years_later(-age)?;
    Some(day.latest())
}
