//! Deactivates active roles whose end has passed.

use crate::job::run::{Halt, JobRun};
use crate::proxy::expire_role;

pub(super) fn run(run: &mut JobRun<'_>) -> Result<(), Halt> {
    let (now, clock) = (run.now(), run.clock);
    run.for_each(
        |tx, after, limit| tx.list_lapsed_roles(now, after, limit),
        |tx, role| Ok(u32::from(expire_role(tx, clock, &role.id)?)),
    )
}
