//! A role's end has passed.

use crate::account::Caller;
use crate::audit::Act;
use crate::clock::Clock;
use crate::error::Error;
use crate::proxy::StatusReason;
use crate::proxy::command::end_by_itself;
use crate::store::Tx;

/// Ends a role whose end has passed, whether or not it may appear in an answer; false where it has not, or
/// somebody was faster.
///
/// # Errors
///
/// When the database refuses.
pub fn expire_role(tx: &mut Tx<'_>, clock: &dyn Clock, id: &str) -> Result<bool, Error> {
    let now = clock.now();
    let found = tx.find_stored_role(id)?.filter(|role| role.value.has_lapsed(now));
    let Some(role) = found else { return Ok(false) };
    end_by_itself(tx, &Caller::SERVICE, &role, (StatusReason::END_DATE_REACHED, Act::RoleLapsed), now)
}
