//! Invalidation of an NHS number that no other replaces.

use crate::person::event_context::{RegistryEventContext, RegistryUpdateOutcome, record};
use crate::person::suppress_person::suppress_person;
use base::error::Error;
use domain::audit::Act;
use domain::person::{NhsNumber, Standing};
use store::{FactKind, Tx};

/// Hides the person of a number for good. It is about the number, not about a person who has a new one
/// instead.
///
/// # Errors
///
/// Database errors.
pub fn invalidate(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    person: NhsNumber,
) -> Result<RegistryUpdateOutcome, Error> {
    match tx.find_standing(person)? {
        None => return Ok(RegistryUpdateOutcome::Unknown),
        Some(Standing::Superseded | Standing::Invalidated) => return Ok(RegistryUpdateOutcome::Known),
        Some(Standing::Current | Standing::Restricted) => {}
    }
    tx.save_fact(person, FactKind::Invalidation, context.at)?;
    record(tx, Act::PersonInvalidated, context, person)?;
    suppress_person(tx, context, person, Standing::Invalidated)?;
    Ok(RegistryUpdateOutcome::Applied)
}
