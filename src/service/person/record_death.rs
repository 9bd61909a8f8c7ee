//! Deaths.

use crate::person::event_context::{RegistryEventContext, RegistryUpdateOutcome, latest_number, record};
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
pub fn record_death(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    person: NhsNumber,
) -> Result<RegistryUpdateOutcome, Error> {
    let (person, is_here) = latest_number(tx, person)?;
    let is_new = tx.find_fact(person, FactKind::Death)?.is_none();
    if is_new {
        tx.save_fact(person, FactKind::Death, context.at)?;
        record(tx, Act::PersonDied, context, person)?;
    }
    if !is_here {
        // Kept until the person is known: then they are known as a person who has died.
        return Ok(RegistryUpdateOutcome::Unknown);
    }
    tx.save_death(person, context.at, context.now)?;
    let ended = end_roles_by_death(tx, context, person)?;
    Ok(if is_new || ended { RegistryUpdateOutcome::Applied } else { RegistryUpdateOutcome::Known })
}

/// Ends the active roles of a person whose death was reported before; returns whether there were any.
///
/// # Errors
///
/// Database errors.
pub fn end_roles_of_dead(tx: &mut Tx<'_>, clock: &dyn Clock, person: &str) -> Result<bool, Error> {
    let person = NhsNumber::parse(person, NumberCheck::Length).map_err(Error::fault)?;
    let now = clock.now();
    end_roles_by_death(tx, RegistryEventContext { caller: &Caller::SERVICE, at: now, now }, person)
}

/// Ends the active roles of a dead person; returns whether there were any.
pub(super) fn end_roles_by_death(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    dead: NhsNumber,
) -> Result<bool, Error> {
    let mut has_ended = false;
    for id in tx.list_role_ids_of(dead)? {
        let Some(role) = tx.find_stored_role(&id)? else { continue };
        let reason = if role.value.patient == dead {
            StatusReason::PATIENT_DECEASED
        } else {
            StatusReason::PROXY_DECEASED
        };
        has_ended |= end_by_itself(tx, context.caller, &role, (reason, Act::RoleEndedByDeath), context.now)?;
    }
    Ok(has_ended)
}
