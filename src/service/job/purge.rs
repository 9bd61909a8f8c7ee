//! Removes expired data.

use chrono::TimeDelta;

use crate::job::remind;
use crate::job::run::{Halt, JobRun};
use store::RetentionPolicy;

pub(super) fn run(run: &mut JobRun<'_>) -> Result<(), Halt> {
    let now = run.now();
    for policy in RetentionPolicy::ALL {
        let days = match policy {
            // Kept a while, so that a refusal can say that the value was used, not that it never existed.
            RetentionPolicy::Codes
            | RetentionPolicy::RefreshTokens
            | RetentionPolicy::SeenOnce
            | RetentionPolicy::LogIns
            | RetentionPolicy::PushedRequests => 1,
            RetentionPolicy::Grants => run.settings.keep_grants_days,
            RetentionPolicy::Messages => run.settings.keep_messages_days,
            // As long as a reminder of that end could still be sent.
            RetentionPolicy::Reminders => {
                run.settings.keep_messages_days.max(remind::longest(&run.settings.remind_after))
            }
            RetentionPolicy::InboundEvents => run.settings.keep_events_days,
            RetentionPolicy::NumberedEvents
            | RetentionPolicy::Attempts
            | RetentionPolicy::PublishedEvents => run.settings.keep_notifications_days,
        };
        let (before, limit) = (now - TimeDelta::days(days), run.settings.batch);
        loop {
            let removed = run.commit(|tx| tx.delete_expired(policy, before, limit))?;
            run.done += i64::try_from(removed).unwrap_or(i64::MAX);
            if i64::try_from(removed).unwrap_or(i64::MAX) < limit {
                break;
            }
        }
    }
    Ok(())
}
