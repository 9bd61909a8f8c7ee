//! Somebody becomes sensitive (S-flagged), or is so no more.

use crate::person::hide::{hide, show};
use crate::person::telling::{Telling, Told, present_number, record};
use base::error::Error;
use domain::audit::Act;
use domain::person::{NhsNumber, Standing};
use store::{FactKind, Tx};

/// Takes a person out of every answer. Told with the same time as the lifting, it is the safe one that counts.
///
/// # Errors
///
/// When the database refuses.
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

/// Brings a person back who was restricted; one who left answers for another reason stays away.
///
/// # Errors
///
/// When the database refuses.
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
