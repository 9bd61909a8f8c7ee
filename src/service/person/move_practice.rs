//! Registration of a person with another practice, or with none.

use crate::person::telling::{Telling, Told, present_number, record};
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
    telling: Telling<'_>,
    person: NhsNumber,
    practice: Option<&OdsCode>,
) -> Result<Told, Error> {
    let Some(person) = present_number(tx, person)? else { return Ok(Told::Unknown) };
    if tx.find_fact(person, FactKind::Practice)?.is_some_and(|known| known >= telling.at) {
        return Ok(Told::Late);
    }
    tx.save_fact(person, FactKind::Practice, telling.at)?;
    tx.save_practice(person, practice, telling.now)?;
    record(tx, Act::PersonMoved, telling, person)?;
    Ok(Told::Applied)
}
