//! A number is not valid any more, and no other took its place.

use crate::audit::Act;
use crate::error::Error;
use crate::person::command::hide::hide;
use crate::person::command::{Telling, Told, record};
use crate::person::{NhsNumber, Standing};
use crate::store::{FactKind, Tx};

/// Takes the person of a number out of every answer, for good. It is about the number, not about whoever has a
/// new one instead.
///
/// # Errors
///
/// When the database refuses.
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
