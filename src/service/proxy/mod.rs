//! The use cases that change something, one per file. Each writes its change, its audit record and its
//! event in the transaction that it is given.

mod change_access_request;
mod change_role;
mod create_role;
mod deactivate_unused_role;
mod expire_role;
mod import_roles;
pub mod query;
mod reach_milestone;
mod relate;
mod remind_of_end;
mod seed;
mod submit_access_request;

pub use change_access_request::change_access_request;
pub use change_role::change_role;
pub use create_role::{CreateRoleError, create_role};
pub use deactivate_unused_role::deactivate_unused_role;
pub use expire_role::expire_role;
pub use import_roles::{Imported, Incoming, import_roles};
pub use reach_milestone::reach_milestone;
pub use relate::{RelationshipError, change_relationship, create_relationship};
pub use remind_of_end::remind_of_end;
pub use seed::{Seed, Seeded, seed};
pub use submit_access_request::{Submission, SubmissionRules, SubmitError, submit_access_request};

use chrono::{DateTime, Utc};

use base::error::Error;
use domain::account::Caller;
use domain::audit::{Act, Subject};
use domain::event::Topic;
use domain::person::{Door, NhsNumber, PersonState, Verdict, decide_person};
use domain::proxy::{Role, RoleError, StatusReason, Versioned};
use store::Tx;

/// Writes the next version of a role that changes by itself, or because of what the registry tells. Others hear
/// of it only if the role may appear in an answer: who is hidden stays so.
///
/// # Errors
///
/// When the database refuses.
pub(crate) fn save_by_itself(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (role, expected): (Role, i64),
    act: Act,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let role = tx.save_role(role, expected, now)?;
    tx.record(act, caller, &subject_of(&role), now)?;
    if tx.is_visible(&role.value)? {
        tx.publish(Topic::RoleChanged, &subject_of(&role), now)?;
    }
    Ok(())
}

/// Ends a role, as [`save_by_itself`] writes; false where it is not active any more.
///
/// # Errors
///
/// When the database refuses.
pub(crate) fn end_by_itself(
    tx: &mut Tx<'_>,
    caller: &Caller,
    role: &Versioned<Role>,
    (reason, act): (StatusReason, Act),
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let Some(ended) = role.value.ended(reason) else { return Ok(false) };
    save_by_itself(tx, caller, (ended, role.version), act, now)?;
    Ok(true)
}

/// Why a role may not be because of its two people.
pub(crate) enum Bar {
    /// The registry does not have the patient, or they may not appear.
    UnknownPatient,
    /// The same of the proxy.
    UnknownProxy,
    /// One of them has died.
    Died(RoleError),
}

/// Looks at the two people of a role, as the registry knows them, before it is written.
///
/// # Errors
///
/// [`Bar`]: the patient's, then the proxy's.
pub(crate) fn check_people(
    role: &Role,
    door: Door,
    state: impl Fn(NhsNumber) -> Option<PersonState>,
) -> Result<(), Bar> {
    let verdict = |number| state(number).map_or(Verdict::AsUnknown, |state| decide_person(state, door));
    match verdict(role.patient) {
        Verdict::Allowed => {}
        Verdict::Refused => return Err(Bar::Died(RoleError::PatientDied)),
        Verdict::AsUnknown => return Err(Bar::UnknownPatient),
    }
    match verdict(role.proxy) {
        Verdict::Allowed => Ok(()),
        Verdict::Refused => Err(Bar::Died(RoleError::ProxyDied)),
        Verdict::AsUnknown => Err(Bar::UnknownProxy),
    }
}

/// The state of one of these people.
pub(crate) fn state_in(states: &[(NhsNumber, PersonState)]) -> impl Fn(NhsNumber) -> Option<PersonState> {
    move |number| states.iter().find(|(known, _)| *known == number).map(|(_, state)| *state)
}

/// What an act on this version of a role is about.
pub(crate) fn subject_of(role: &Versioned<Role>) -> Subject {
    Subject {
        reference: format!("Consent/{}", role.value.id),
        version: role.version,
        patient: role.value.patient,
        proxy: role.value.proxy,
    }
}
