//! Hiding and showing the roles of a person who may not, or may again, appear.

use crate::person::event_context::RegistryEventContext;
use crate::proxy::subject_of;
use base::error::Error;
use domain::audit::{Access, Act, Actor};
use domain::event::Topic;
use domain::person::{NhsNumber, Standing};
use store::Tx;

/// Hides a person from every answer. Subscribers are notified that the visible roles are gone; the rows stay.
pub(super) fn suppress_person(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    person: NhsNumber,
    standing: Standing,
) -> Result<(), Error> {
    announce(tx, context, person, (Act::RoleHidden, Topic::RoleDeleted))?;
    tx.save_standing(person, standing, context.now)
}

/// Shows a person again, with the roles that are visible then.
pub(super) fn restore_person(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    person: NhsNumber,
) -> Result<(), Error> {
    tx.save_standing(person, Standing::Current, context.now)?;
    announce(tx, context, person, (Act::RoleDisclosed, Topic::RoleChanged))
}

/// Publishes an event for every visible role of a person. The audit record names that person alone: a
/// restriction is nothing for the other one to read.
fn announce(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    person: NhsNumber,
    (act, topic): (Act, Topic),
) -> Result<(), Error> {
    for id in tx.list_role_ids_of(person)? {
        let Some(role) = tx.find_stored_role(&id)? else { continue };
        if tx.is_visible(&role.value)? {
            let subject = subject_of(&role);
            let access = Access::new(act, Actor::of(context.caller), context.now);
            tx.record_access(&access.of(&subject.reference).about(Some(person), None))?;
            tx.publish(topic, &subject, context.now)?;
        }
    }
    Ok(())
}
