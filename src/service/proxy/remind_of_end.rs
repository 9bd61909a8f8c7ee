//! Reminders of a role's end.

use crate::proxy::people::{state_in, subject_of};
use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::{Access, Act, Actor};
use domain::event::Topic;
use domain::person::{PersonOperation, Verdict, decide_person};
use store::{MessageKind, NewMessage, Tx};

/// Reminds the people of a role of its end, `days` from it (below 0: before it): an event for subscribers,
/// and a message to each of the two. Once for each end and number of days; returns false where it was done,
/// or the role may not appear in an answer or has no end any more.
///
/// # Errors
///
/// Database errors.
pub fn remind_of_end(tx: &mut Tx<'_>, clock: &dyn Clock, id: &str, days: i32) -> Result<bool, Error> {
    let now = clock.now();
    let Some(role) = tx.find_stored_role(id)? else { return Ok(false) };
    let Some(end) = role.value.period.end.clone() else { return Ok(false) };
    if !tx.is_visible(&role.value)? || !tx.insert_reminder(role.value.id, end.latest(), days, now)? {
        return Ok(false);
    }
    let subject = subject_of(&role);
    let reminded = Access::new(Act::RoleReminded, Actor::of(&Caller::SERVICE), now);
    let reminded = reminded.of(&subject.reference).about(Some(subject.patient), Some(subject.proxy));
    tx.record_access(&reminded)?;
    tx.publish(Topic::RoleReminder, &subject, now)?;
    let kind = if days < 0 { MessageKind::EndsSoon } else { MessageKind::HasEnded };
    let reason = format!("{id} {} {days}", end.text());
    let people = [role.value.proxy, role.value.patient];
    let known = tx.list_person_states(&people)?;
    let may_be_notified = |person| {
        state_in(&known)(person)
            .is_some_and(|state| decide_person(state, PersonOperation::SendMessage) == Verdict::Allowed)
    };
    for person in people.into_iter().filter(|person| may_be_notified(*person)) {
        tx.insert_message(
            &NewMessage { person, reason: &reason, role: role.value.id, kind, end: &end },
            now,
        )?;
    }
    Ok(true)
}
