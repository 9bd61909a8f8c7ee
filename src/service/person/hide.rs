//! The roles of somebody who leaves every answer, or comes back to them.

use crate::person::telling::Telling;
use crate::proxy::subject_of;
use base::error::Error;
use domain::audit::{Access, Act, Actor};
use domain::event::Topic;
use domain::person::{NhsNumber, Standing};
use store::Tx;

/// Takes a person out of every answer. Whoever listens is told that the roles that could be seen are gone; the
/// rows stay as they are.
pub(super) fn hide(
    tx: &mut Tx<'_>,
    telling: Telling<'_>,
    person: NhsNumber,
    standing: Standing,
) -> Result<(), Error> {
    announce(tx, telling, person, (Act::RoleHidden, Topic::RoleDeleted))?;
    tx.save_standing(person, standing, telling.now)
}

/// Brings a person back to answers, and the roles that can be seen then.
pub(super) fn show(tx: &mut Tx<'_>, telling: Telling<'_>, person: NhsNumber) -> Result<(), Error> {
    tx.save_standing(person, Standing::Current, telling.now)?;
    announce(tx, telling, person, (Act::RoleShown, Topic::RoleChanged))
}

/// Tells of every role of a person that can be seen now. The record names that person alone: that somebody is
/// restricted is nothing for the other one to read.
fn announce(
    tx: &mut Tx<'_>,
    telling: Telling<'_>,
    person: NhsNumber,
    (act, topic): (Act, Topic),
) -> Result<(), Error> {
    for id in tx.list_role_ids_of(person)? {
        let Some(role) = tx.find_stored_role(&id)? else { continue };
        if tx.is_visible(&role.value)? {
            let subject = subject_of(&role);
            let access = Access::new(act, Actor::of(telling.caller), telling.now);
            tx.record_access(&access.of(&subject.reference).about(Some(person), None))?;
            tx.publish(topic, &subject, telling.now)?;
        }
    }
    Ok(())
}
