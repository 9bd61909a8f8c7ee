//! Deaths.

use crate::person::telling::{Telling, Told, latest_number, record};
use crate::proxy::end_by_itself;
use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::person::{NhsNumber, NumberCheck};
use domain::proxy::StatusReason;
use store::{FactKind, Tx};

/// Ends every active role of a person who has died, as the patient's or as the proxy's death. A death is
/// final, so it is never late: reported again, it ends roles that became active since. It is written to the
/// person before their roles are read: a role that is created at the same time waits, and is refused then.
///
/// # Errors
///
/// Database errors.
pub fn die(tx: &mut Tx<'_>, telling: Telling<'_>, person: NhsNumber) -> Result<Told, Error> {
    let (person, is_here) = latest_number(tx, person)?;
    let is_new = tx.find_fact(person, FactKind::Death)?.is_none();
    if is_new {
        tx.save_fact(person, FactKind::Death, telling.at)?;
        record(tx, Act::PersonDied, telling, person)?;
    }
    if !is_here {
        // Kept until the person is known: then they are known as a person who has died.
        return Ok(Told::Unknown);
    }
    tx.save_death(person, telling.at, telling.now)?;
    let ended = bereave(tx, telling, person)?;
    Ok(if is_new || ended { Told::Applied } else { Told::Known })
}

/// Ends the active roles of a person whose death was reported before; returns whether there were any.
///
/// # Errors
///
/// Database errors.
pub fn end_roles_of_dead(tx: &mut Tx<'_>, clock: &dyn Clock, person: &str) -> Result<bool, Error> {
    let person = NhsNumber::parse(person, NumberCheck::Length).map_err(Error::fault)?;
    let now = clock.now();
    bereave(tx, Telling { caller: &Caller::SERVICE, at: now, now }, person)
}

/// Ends the active roles of a dead person; returns whether there were any.
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
