//! The patients whom a person may act for now.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use base::clock::Clock;
use base::error::Error;
use domain::person::{NhsNumber, Person};
use domain::proxy::{Role, Status};
use store::{RoleSearch, Tx};

/// A patient whom a proxy may act for.
#[derive(Clone)]
pub struct Patient {
    /// The role.
    pub role: Uuid,
    /// The person.
    pub person: Person,
}

/// The patients for whom `proxy` has a role that is active at this instant, in the order of the roles: three
/// statements, whatever their number.
///
/// # Errors
///
/// Database errors.
pub fn list_patients(tx: &mut Tx<'_>, clock: &dyn Clock, proxy: NhsNumber) -> Result<Vec<Patient>, Error> {
    let now = clock.now();
    let search = RoleSearch { proxy: Some(proxy), statuses: Some(vec![Status::Active]), patient: None };
    let mut roles = tx.list_roles(&search, now)?;
    roles.retain(|role| holds(&role.value, now));
    let numbers: Vec<NhsNumber> = roles.iter().map(|role| role.value.patient).collect();
    let people = tx.list_current_people(&numbers)?;
    let with_person = |role: Role| {
        let person = people.iter().find(|person| person.nhs_number == role.patient)?;
        Some(Patient { role: role.id, person: person.clone() })
    };
    Ok(roles.into_iter().filter_map(|role| with_person(role.value)).collect())
}

/// Whether a proxy may act by this role at this instant.
pub(super) fn holds(role: &Role, now: DateTime<Utc>) -> bool {
    let has_begun = role.period.start.as_ref().is_none_or(|start| start.earliest() <= now);
    role.status == Status::Active && has_begun && !role.period.has_ended(now)
}

/// `fhirUser` where a proxy acts for a patient, as `Type/id`, the same for every grant type: the
/// RelatedPerson that the proxy is to the patient, a verified one where there are several, else the Person of
/// the user.
pub(super) fn fhir_user_acting(
    tx: &mut Tx<'_>,
    user: Option<Uuid>,
    proxy: NhsNumber,
    patient: NhsNumber,
) -> Result<Option<String>, Error> {
    let mut found = tx.list_relationships_of_pairs(&[(proxy, patient)])?;
    found.sort_by_key(|relationship| !relationship.verified);
    let related = found.into_iter().next().map(|relationship| format!("RelatedPerson/{}", relationship.id));
    Ok(related.or_else(|| user.map(|user| format!("Person/{user}"))))
}
