//! Supersession of an NHS number by another: merged into it, or re-issued as it.
//!
//! The roles of the old number move to the new one; their older versions keep the old one. Where a role
//! exists between the same two people already, one of the two remains: the active one, else the one that was
//! changed last. It remains under the id that has the new number; the other row keeps the old number, ended
//! and hidden. A role between a person's own two numbers ends, for proxy and patient must be two people.
//!
//! A restriction and a death that are known of the old number are carried over, for they are true of the
//! person.

use crate::person::event_context::{RegistryEventContext, RegistryUpdateOutcome, present_number, record};
use crate::person::record_death::end_roles_by_death;
use crate::person::suppress_person::suppress_person;
use crate::proxy::{end_by_itself, save_by_itself, subject_of};
use base::error::Error;
use domain::audit::Act;
use domain::event::Topic;
use domain::person::{NhsNumber, Standing};
use domain::proxy::{Role, Status, StatusReason, Versioned};
use store::{FactKind, Tx};

/// Moves a person to a new number.
///
/// # Errors
///
/// Database errors.
pub fn supersede_nhs_number(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    old: NhsNumber,
    new: NhsNumber,
) -> Result<RegistryUpdateOutcome, Error> {
    let Some(standing) = tx.find_standing(old)? else { return Ok(RegistryUpdateOutcome::Unknown) };
    match tx.find_successor(old)? {
        Some(known) if known == new => return Ok(RegistryUpdateOutcome::Known),
        Some(_) if tx.find_fact(old, FactKind::Number)?.is_some_and(|known| known > context.at) => {
            return Ok(RegistryUpdateOutcome::Late);
        }
        Some(_) => return Ok(RegistryUpdateOutcome::Contradiction),
        None => {}
    }
    if standing == Standing::Invalidated {
        return Ok(RegistryUpdateOutcome::Contradiction);
    }
    tx.copy_person(old, new, context.now)?;
    // The new number may itself be superseded by now; a chain that leads back is a contradiction.
    let Some(new_number) = present_number(tx, new)?.filter(|target| *target != old) else {
        return Ok(RegistryUpdateOutcome::Contradiction);
    };
    let new_standing = tx.find_standing(new_number)?;
    if new_standing == Some(Standing::Invalidated) {
        return Ok(RegistryUpdateOutcome::Contradiction);
    }
    tx.lock_roles_of(old, new_number)?;
    tx.save_fact(old, FactKind::Number, context.at)?;
    tx.insert_number_change(old, new)?;
    record(tx, Act::PersonRenumbered, context, new_number)?;
    if standing == Standing::Restricted {
        let at = tx.find_fact(old, FactKind::Restriction)?.unwrap_or(context.at);
        let known = tx.find_fact(new_number, FactKind::Restriction)?;
        tx.save_fact(new_number, FactKind::Restriction, known.map_or(at, |known| known.max(at)))?;
        if new_standing == Some(Standing::Current) {
            suppress_person(tx, context, new_number, Standing::Restricted)?;
        }
    }
    move_roles(tx, context, (old, new_number))?;
    if let Some(at) = tx.find_fact(old, FactKind::Death)? {
        tx.save_fact(new_number, FactKind::Death, at)?;
    }
    if let Some(at) = tx.find_fact(new_number, FactKind::Death)? {
        tx.save_death(new_number, at, context.now)?;
        end_roles_by_death(tx, context, new_number)?;
    }
    Ok(RegistryUpdateOutcome::Applied)
}

fn move_roles(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    numbers: (NhsNumber, NhsNumber),
) -> Result<(), Error> {
    let mut roles = Vec::new();
    for id in tx.list_role_ids_of(numbers.0)? {
        if let Some(role) = tx.find_stored_role(&id)? {
            let was_visible = tx.is_visible(&role.value)?;
            roles.push((role, was_visible));
        }
    }
    // From here on nothing with the old number is visible, so changes of its other roles publish no event.
    tx.save_standing(numbers.0, Standing::Superseded, context.now)?;
    for (role, was_visible) in &roles {
        move_role(tx, context, (role, *was_visible), numbers)?;
    }
    Ok(())
}

fn move_role(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    (role, was_visible): (&Versioned<Role>, bool),
    (old, new): (NhsNumber, NhsNumber),
) -> Result<(), Error> {
    let now_called = |number| if number == old { new } else { number };
    let (proxy, patient) = (now_called(role.value.proxy), now_called(role.value.patient));
    if proxy == patient {
        return end_superseded_role(
            tx,
            context,
            (role, was_visible),
            "Proxy and patient are the same person.",
        );
    }
    let giver = role.value.reason.giver().map(now_called);
    let reason = role.value.reason.clone().given_by(giver);
    let Some(other) = tx.find_stored_role_of_pair(proxy, patient)? else {
        let moved = Role { proxy, patient, reason, ..role.value.clone() };
        return save_by_itself(tx, context.caller, (moved, role.version), Act::RoleRenumbered, context.now);
    };
    if counts_more(role, &other) {
        let taken_over = Role { id: other.value.id, proxy, patient, reason, ..role.value.clone() };
        let expected = (taken_over, other.version);
        save_by_itself(tx, context.caller, expected, Act::RoleRenumbered, context.now)?;
    }
    end_superseded_role(tx, context, (role, was_visible), "Another role between the same two people goes on.")
}

/// Whether one role remains rather than the other.
fn counts_more(one: &Versioned<Role>, other: &Versioned<Role>) -> bool {
    let weight = |role: &Versioned<Role>| (role.value.status == Status::Active, role.updated_at);
    weight(one) > weight(other)
}

/// Leaves a role with the old number, which is hidden from now on, and ends it.
fn end_superseded_role(
    tx: &mut Tx<'_>,
    context: RegistryEventContext<'_>,
    (role, was_visible): (&Versioned<Role>, bool),
    words: &'static str,
) -> Result<(), Error> {
    if was_visible {
        tx.publish(Topic::RoleDeleted, &subject_of(role), context.now)?;
    }
    let reason = (StatusReason::in_words(words), Act::RoleRenumbered);
    end_by_itself(tx, context.caller, role, reason, context.now)?;
    Ok(())
}
