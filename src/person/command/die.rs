//! Somebody has died.

use crate::audit::Act;
use crate::error::Error;
use crate::person::NhsNumber;
use crate::person::command::{Telling, Told, present_number, record};
use crate::proxy::StatusReason;
use crate::proxy::command::end_by_itself;
use crate::store::{FactKind, Tx};

/// Ends every active role of somebody who has died, as the patient's or as the proxy's death. There is no way back
/// from it, so it is never late: told again, it ends what has become active since.
///
/// # Errors
///
/// When the database refuses.
pub fn die(tx: &mut Tx<'_>, telling: Telling<'_>, person: NhsNumber) -> Result<Told, Error> {
    let Some(person) = present_number(tx, person)? else { return Ok(Told::Unknown) };
    let is_new = tx.find_fact(person, FactKind::Death)?.is_none();
    if is_new {
        tx.save_fact(person, FactKind::Death, telling.at)?;
        record(tx, Act::PersonDied, telling, person)?;
    }
    let ended = bereave(tx, telling, person)?;
    Ok(if is_new || ended { Told::Applied } else { Told::Known })
}

/// Ends the active roles of the dead; whether there were any.
pub(super) fn bereave(tx: &mut Tx<'_>, telling: Telling<'_>, dead: NhsNumber) -> Result<bool, Error> {
    let mut has_ended = false;
    for id in tx.list_role_ids_of(dead)? {
        let Some(role) = tx.find_stored_role(&id)? else { continue };
        let reason = if role.value.patient == dead {
            StatusReason::PATIENT_DECEASED
        } else {
            StatusReason::PROXY_DECEASED
        };
        has_ended |= end_by_itself(tx, telling.caller, &role, (reason, Act::RoleBereaved), telling.now)?;
    }
    Ok(has_ended)
}
