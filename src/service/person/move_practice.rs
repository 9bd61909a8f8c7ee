//! Registration of a person with another practice, or with none.

use crate::person::event_context::{RegistryEventContext, RegistryUpdateOutcome, present_number, record};
use base::error::Error;
use domain::audit::Act;
use domain::person::NhsNumber;
use domain::proxy::OdsCode;
use store::{FactKind, Tx};

/// Records a person's present practice. Their roles are unchanged: the new practice reviews them (contract
/// §6.4).
///
/// # Errors
///
/// Database errors.
pub fn move_practice(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    person: NhsNumber,
    practice: Option<&OdsCode>,
) -> Result<RegistryUpdateOutcome, Error> {
    let Some(person) = present_number(tx, person)? else { return Ok(RegistryUpdateOutcome::Unknown) };
    if tx.find_fact(person, FactKind::Practice)?.is_some_and(|known| known >= context.at) {
        return Ok(RegistryUpdateOutcome::Late);
    }
    tx.save_fact(person, FactKind::Practice, context.at)?;
    tx.save_practice(person, practice, context.now)?;
    record(tx, Act::PersonMoved, context, person)?;
    Ok(RegistryUpdateOutcome::Applied)
}
