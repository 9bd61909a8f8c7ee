//! Changes of a role by the service itself, or because of a registry event.

use chrono::{DateTime, Utc};

use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::event::Topic;
use domain::proxy::{Role, StatusReason, Versioned};
use store::Tx;

use super::people::subject_of;

/// Writes the next version of a role that the service changes. It publishes an event only if the role may
/// appear in an answer: a hidden person stays hidden.
///
/// # Errors
///
/// Database errors.
pub(crate) fn save_by_itself(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (role, expected): (Role, i64),
    act: Act,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let role = tx.save_role(role, expected, now)?;
    tx.record(act, caller, &subject_of(&role), now)?;
    if tx.is_visible(&role.value)? {
        tx.publish(Topic::RoleChanged, &subject_of(&role), now)?;
    }
    Ok(())
}

/// Ends a role, as [`save_by_itself`] writes; returns false where it is not active.
///
/// # Errors
///
/// Database errors.
pub(crate) fn end_by_itself(
    tx: &mut Tx<'_>,
    caller: &Caller,
    role: &Versioned<Role>,
    (reason, act): (StatusReason, Act),
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let Some(ended) = role.value.ended(reason) else { return Ok(false) };
    save_by_itself(tx, caller, (ended, role.version), act, now)?;
    Ok(true)
}
