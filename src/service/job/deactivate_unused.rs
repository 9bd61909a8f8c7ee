//! Deactivates roles that were not used for long, where the settings say so, and roles of people who have
//! died. A death ends them when it is reported, and none becomes active after it: such a role was made by an
//! earlier version of this program.
//!
//! A role is used when a token to act by it is issued (at a log-in, an exchange, a refresh; such a token
//! lasts minutes): `role_uses` has the day. A role that was changed within the time counts as used.
//!
//! The index gives the active roles whose last change is old; each costs one look-up by key of its last use.
//! So a run reads as many rows as there are old active roles, once a day, in batches.

use chrono::TimeDelta;

use crate::job::run::{Halt, JobRun};
use crate::person::end_roles_of_dead;
use crate::proxy::deactivate_unused_role;

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the path of the method is not general enough over the life of a transaction"
)]
pub(super) fn run(run: &mut JobRun<'_>) -> Result<(), Halt> {
    let clock = run.clock;
    run.for_each(
        |tx, after, limit| tx.list_dead_with_active_roles(after, limit),
        |tx, person| Ok(u32::from(end_roles_of_dead(tx, clock, &person.id)?)),
    )?;
    let Some(days) = run.settings.unused_after_days else { return Ok(()) };
    let since = run.now() - TimeDelta::days(days);
    run.for_each(
        |tx, after, limit| tx.list_unused_roles(since, after, limit),
        |tx, role| Ok(u32::from(deactivate_unused_role(tx, clock, &role.id, since)?)),
    )
}
