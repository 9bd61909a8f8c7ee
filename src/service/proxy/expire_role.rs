//! Expiry of a role.

use crate::proxy::by_itself::end_by_itself;
use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::proxy::StatusReason;
use store::Tx;

/// Ends a role whose end has passed, whether or not it may appear in an answer; returns false where it has
/// not passed, or the role has ended meanwhile.
///
/// # Errors
///
/// Database errors.
pub fn expire_role(tx: &mut Tx<'_>, clock: &dyn Clock, id: &str) -> Result<bool, Error> {
    let now = clock.now();
    let found = tx.find_stored_role(id)?.filter(|role| role.value.has_lapsed(now));
    let Some(role) = found else { return Ok(false) };
    end_by_itself(tx, &Caller::SERVICE, &role, (StatusReason::END_DATE_REACHED, Act::RoleLapsed), now)
}
