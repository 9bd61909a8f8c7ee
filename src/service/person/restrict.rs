//! Restriction of a person as sensitive (S-flagged), and its lifting.

use crate::person::event_context::{RegistryEventContext, RegistryUpdateOutcome, present_number, record};
use crate::person::suppress_person::{restore_person, suppress_person};
use base::error::Error;
use domain::audit::Act;
use domain::person::{NhsNumber, Standing};
use store::{FactKind, Tx};

/// Hides a person from every answer. Of a restriction and a lifting with the same time, the restriction
/// counts.
///
/// # Errors
///
/// Database errors.
pub fn restrict(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    person: NhsNumber,
) -> Result<RegistryUpdateOutcome, Error> {
    let Some(person) = present_number(tx, person)? else { return Ok(RegistryUpdateOutcome::Unknown) };
    if tx.find_fact(person, FactKind::Restriction)?.is_some_and(|known| known > context.at) {
        return Ok(RegistryUpdateOutcome::Late);
    }
    tx.save_fact(person, FactKind::Restriction, context.at)?;
    if tx.find_standing(person)? != Some(Standing::Current) {
        return Ok(RegistryUpdateOutcome::Known);
    }
    record(tx, Act::PersonRestricted, context, person)?;
    suppress_person(tx, context, person, Standing::Restricted)?;
    Ok(RegistryUpdateOutcome::Applied)
}

/// Shows a person again whose restriction is lifted; one who is hidden for another reason stays hidden.
///
/// # Errors
///
/// Database errors.
pub fn unrestrict(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    person: NhsNumber,
) -> Result<RegistryUpdateOutcome, Error> {
    let Some(person) = present_number(tx, person)? else { return Ok(RegistryUpdateOutcome::Unknown) };
    if tx.find_fact(person, FactKind::Restriction)?.is_some_and(|known| known >= context.at) {
        return Ok(RegistryUpdateOutcome::Late);
    }
    tx.save_fact(person, FactKind::Restriction, context.at)?;
    if tx.find_standing(person)? != Some(Standing::Restricted) {
        return Ok(RegistryUpdateOutcome::Known);
    }
    record(tx, Act::PersonUnrestricted, context, person)?;
    restore_person(tx, context, person)?;
    Ok(RegistryUpdateOutcome::Applied)
}
