//! Restriction of a person as sensitive (S-flagged), and its lifting.

use crate::person::hide::{hide, show};
use crate::person::telling::{Telling, Told, present_number, record};
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
pub fn restrict(tx: &mut Tx<'_>, telling: Telling<'_>, person: NhsNumber) -> Result<Told, Error> {
    let Some(person) = present_number(tx, person)? else { return Ok(Told::Unknown) };
    if tx.find_fact(person, FactKind::Restriction)?.is_some_and(|known| known > telling.at) {
        return Ok(Told::Late);
    }
    tx.save_fact(person, FactKind::Restriction, telling.at)?;
    if tx.find_standing(person)? != Some(Standing::Current) {
        return Ok(Told::Known);
    }
    record(tx, Act::PersonRestricted, telling, person)?;
    hide(tx, telling, person, Standing::Restricted)?;
    Ok(Told::Applied)
}

/// Shows a person again whose restriction is lifted; one who is hidden for another reason stays hidden.
///
/// # Errors
///
/// Database errors.
pub fn unrestrict(tx: &mut Tx<'_>, telling: Telling<'_>, person: NhsNumber) -> Result<Told, Error> {
    let Some(person) = present_number(tx, person)? else { return Ok(Told::Unknown) };
    if tx.find_fact(person, FactKind::Restriction)?.is_some_and(|known| known >= telling.at) {
        return Ok(Told::Late);
    }
    tx.save_fact(person, FactKind::Restriction, telling.at)?;
    if tx.find_standing(person)? != Some(Standing::Restricted) {
        return Ok(Told::Known);
    }
    record(tx, Act::PersonUnrestricted, telling, person)?;
    show(tx, telling, person)?;
    Ok(Told::Applied)
}
