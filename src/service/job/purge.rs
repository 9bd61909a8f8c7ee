//! Removes expired data.

use chrono::TimeDelta;

use crate::job::remind;
use crate::job::run::{Halt, Run};
use store::Old;

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Halt> {
    let now = run.now();
    for old in Old::ALL {
        let days = match old {
            // Kept a while, so that a refusal can say that the value was used, not that it never existed.
            Old::Codes | Old::RefreshTokens | Old::SeenOnce | Old::LogIns | Old::PushedRequests => 1,
            Old::Grants => run.settings.keep_grants_days,
            Old::Messages => run.settings.keep_messages_days,
            // As long as a reminder of that end could still be sent.
            Old::Reminders => {
                run.settings.keep_messages_days.max(remind::longest(&run.settings.remind_after))
            }
            Old::InboundEvents => run.settings.keep_events_days,
            Old::NumberedEvents | Old::Attempts | Old::PublishedEvents => {
                run.settings.keep_notifications_days
            }
        };
        let (before, limit) = (now - TimeDelta::days(days), run.settings.batch);
        loop {
            let removed = run.commit(|tx| tx.delete_old(old, before, limit))?;
            run.done += i64::try_from(removed).unwrap_or(i64::MAX);
            if i64::try_from(removed).unwrap_or(i64::MAX) < limit {
                break;
            }
        }
    }
    Ok(())
}
