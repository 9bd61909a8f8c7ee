//! Validation of the two people of a role.

use domain::audit::Subject;
use domain::person::{NhsNumber, PersonOperation, PersonState, Verdict, decide_person};
use domain::proxy::{Role, RoleError, Versioned};

/// Why a role is refused because of its two people.
pub(crate) enum Bar {
    /// The registry does not know the patient, or they may not appear.
    UnknownPatient,
    /// The same of the proxy.
    UnknownProxy,
    /// One of them has died.
    Died(RoleError),
}

/// Checks the two people of a role in the registry before it is written.
///
/// # Errors
///
/// [`Bar`]: the patient's, then the proxy's.
pub(crate) fn check_people(
    role: &Role,
    operation: PersonOperation,
    state: impl Fn(NhsNumber) -> Option<PersonState>,
) -> Result<(), Bar> {
    let verdict = |number| state(number).map_or(Verdict::AsUnknown, |state| decide_person(state, operation));
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

/// The audit subject of an act on this version of a role.
pub(crate) fn subject_of(role: &Versioned<Role>) -> Subject {
    Subject {
        reference: format!("Consent/{}", role.value.id),
        version: role.version,
        patient: role.value.patient,
        proxy: role.value.proxy,
    }
}
