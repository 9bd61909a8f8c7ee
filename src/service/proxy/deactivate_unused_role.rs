//! Deactivation of an unused role.

use chrono::{DateTime, Utc};

use crate::proxy::by_itself::end_by_itself;
use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::proxy::StatusReason;
use store::Tx;
use uuid::Uuid;

/// Ends an active role that was neither changed nor used since a time; returns false where it was.
///
/// # Errors
///
/// Database errors.
pub fn deactivate_unused_role(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    id: &str,
    since: DateTime<Utc>,
) -> Result<bool, Error> {
    let now = clock.now();
    let Some(role) = tx.find_stored_role(id)? else { return Ok(false) };
    let id: Uuid = role.value.id;
    if role.updated_at >= since || tx.find_role_use(id)?.is_some_and(|used| used >= since) {
        return Ok(false);
    }
    end_by_itself(tx, &Caller::SERVICE, &role, (StatusReason::NOT_USED, Act::RoleUnused), now)
}
