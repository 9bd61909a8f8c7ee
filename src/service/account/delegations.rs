//! The people whom a person may act for now.

use chrono::{DateTime, Utc};

use base::error::Error;
use domain::person::{NhsNumber, Person};
use domain::proxy::{Relationship, Role, Status};
use store::{RoleSearch, Tx};

/// An active role, with its patient and relationship.
#[derive(Clone)]
pub struct DelegationOf {
    /// The role.
    pub role: Role,
    /// Its version.
    pub version: i64,
    /// The patient.
    pub patient: Option<Person>,
    /// The relationship of the two people, where one is recorded.
    pub relationship: Option<Relationship>,
}

/// The roles of a proxy that are active at this instant. Five statements, whatever their number.
///
/// # Errors
///
/// Database errors.
pub fn delegations(
    tx: &mut Tx<'_>,
    proxy: NhsNumber,
    now: DateTime<Utc>,
) -> Result<Vec<DelegationOf>, Error> {
    let search = RoleSearch { proxy: Some(proxy), patient: None, statuses: Some(vec![Status::Active]) };
    let mut roles = tx.list_roles(&search, now)?;
    roles.retain(|role| role.value.is_active_at(now));
    let patients: Vec<NhsNumber> = roles.iter().map(|role| role.value.patient).collect();
    let pairs: Vec<_> = patients.iter().map(|patient| (proxy, *patient)).collect();
    let people = tx.list_current_people(&patients)?;
    let relationships = tx.list_relationships_of_pairs(&pairs)?;
    let delegation = |role: domain::proxy::Versioned<Role>| DelegationOf {
        patient: people.iter().find(|person| person.nhs_number == role.value.patient).cloned(),
        relationship: relationships.iter().find(|known| known.patient == role.value.patient).cloned(),
        version: role.version,
        role: role.value,
    };
    Ok(roles.into_iter().map(delegation).collect())
}
