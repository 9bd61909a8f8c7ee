//! Invalidation of an NHS number that no other replaces.

use crate::person::hide::hide;
use crate::person::telling::{Telling, Told, record};
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
pub fn invalidate(tx: &mut Tx<'_>, telling: Telling<'_>, person: NhsNumber) -> Result<Told, Error> {
    match tx.find_standing(person)? {
        None => return Ok(Told::Unknown),
        Some(Standing::Superseded | Standing::Invalidated) => return Ok(Told::Known),
        Some(Standing::Current | Standing::Restricted) => {}
    }
    tx.save_fact(person, FactKind::Invalidation, telling.at)?;
    record(tx, Act::PersonInvalidated, telling, person)?;
    hide(tx, telling, person, Standing::Invalidated)?;
    Ok(Told::Applied)
}
