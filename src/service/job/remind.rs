//! Reminds the people of a role of its end, before and after it.
//!
//! Of the configured days only the nearest counts: an end that is set three days ahead causes one reminder,
//! that of the fewest days before it that are three or more; and after a time without a server no person gets
//! two reminders of a role in a minute. There is no reminder of an end more than a month before the last of
//! the days after it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::job::run::{Halt, JobRun};
use crate::proxy::remind_of_end;

/// For how long after the last configured day a reminder is still sent.
const LATE: i64 = 31;

pub(super) fn run(run: &mut JobRun<'_>) -> Result<(), Halt> {
    let clock = run.clock;
    for (days, from, to) in windows(run.now(), &run.settings.remind_before, &run.settings.remind_after) {
        run.for_each(
            |tx, after, limit| tx.list_roles_to_remind((from, to), days, after, limit),
            |tx, role| Ok(u32::from(remind_of_end(tx, clock, &role.id, days)?)),
        )?;
    }
    Ok(())
}

/// The number of days after an end from which no reminder is sent any more.
pub(super) fn longest(after: &[i32]) -> i64 {
    after.iter().max().map_or(0, |days| i64::from(*days)) + LATE + 1
}

/// For each number of days, below 0 before the end, the times between which an end must lie for it to be the
/// nearest.
fn windows(now: DateTime<Utc>, before: &[i32], after: &[i32]) -> Vec<(i32, DateTime<Utc>, DateTime<Utc>)> {
    let (mut before, mut after) = (before.to_vec(), after.to_vec());
    before.sort_unstable();
    after.sort_unstable();
    let day = |days: i64| now + TimeDelta::days(days);
    let mut windows = Vec::new();
    let mut from = 0;
    for days in before {
        windows.push((-days, day(from), day(days.into())));
        from = i64::from(days);
    }
    for (at, days) in after.iter().enumerate() {
        let next = after.get(at + 1).map_or(i64::from(*days) + LATE, |next| i64::from(*next));
        windows.push((*days, day(-next), day(-i64::from(*days))));
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::windows;
    use chrono::DateTime;

    #[test]
    fn every_end_is_in_the_window_of_the_nearest_number_of_days() {
        let now = DateTime::UNIX_EPOCH;
        let days = windows(now, &[30, 7], &[1, 14]);
        let spans: Vec<(i32, i64, i64)> = days
            .iter()
            .map(|(days, from, to)| (*days, (*from - now).num_days(), (*to - now).num_days()))
            .collect();
        assert_eq!(spans, [(-7, 0, 7), (-30, 7, 30), (1, -14, -1), (14, -45, -14)]);
    }
}
