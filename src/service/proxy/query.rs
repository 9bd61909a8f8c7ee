//! The use cases that only read. Every role is returned as it counts at that moment.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use base::clock::Clock;
use base::error::Error;
use domain::person::{NhsNumber, Person};
use domain::proxy::{Relationship, Role, Versioned};
use store::search::{Filter, Table, Visibility};
use store::{RoleSearch, Tx};

/// The reader of a query, and what they may see.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The rows that they may see. Whether they are a party to the searched data was checked before.
    pub scope: Visibility,
    /// The citizen for whom reasons are masked; `None` where they are not.
    pub masked_for: Option<NhsNumber>,
    /// The citizen who reads, where they must not learn whether a person exists with whom they share nothing.
    pub among_strangers: Option<NhsNumber>,
}

impl Viewer {
    /// Those of these people whom an error may report as unknown, or as without a practice.
    fn answerable(&self, named: Vec<NhsNumber>) -> Vec<NhsNumber> {
        let is_told = |number: &NhsNumber| self.among_strangers.is_none_or(|own| own == *number);
        named.into_iter().filter(is_told).collect()
    }

    /// A role as it counts now, masked for the reader.
    fn shown(&self, role: Versioned<Role>, now: DateTime<Utc>) -> Versioned<Role> {
        Versioned { value: role.value.as_of(now).masked_for(self.masked_for), ..role }
    }
}

/// The included resources of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoleIncludes {
    /// The proxies as people, and their relationships to the patients.
    pub proxy: bool,
    /// The patients as people.
    pub patient: bool,
}

/// The roles of a search with its includes, in a stable order.
#[derive(Clone, Default)]
pub struct RolesFound {
    /// The roles.
    pub roles: Vec<Versioned<Role>>,
    /// The included people, each once.
    pub people: Vec<Person>,
    /// The included relationships, each once.
    pub relationships: Vec<Relationship>,
}

/// Why a search fails.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// It names a person who may not appear in an answer.
    #[error("a person that the search names is not known")]
    UnknownPerson,
    /// It names a person who has no practice and no role.
    #[error("a person that the search names has neither a practice nor a role")]
    NoPractice,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Searches roles by proxy, patient and status: eight statements at most, whatever the number of roles.
///
/// # Errors
///
/// [`SearchError`].
pub fn search_roles(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    search: &RoleSearch,
    includes: RoleIncludes,
    viewer: &Viewer,
) -> Result<RolesFound, SearchError> {
    let named = viewer.answerable(search.proxy.into_iter().chain(search.patient).collect());
    let practices = tx.list_current_practices(&named)?;
    if !is_known(&named, &practices) {
        return Err(SearchError::UnknownPerson);
    }
    let now = clock.now();
    let reach = Some(&viewer.scope).filter(|scope| matches!(scope, Visibility::Organisation(_)));
    let roles = tx.list_roles_within(search, now, reach)?;
    let without_practice = practices.iter().filter(|(_, practice)| practice.is_none());
    for (number, _) in without_practice.filter(|_| roles.is_empty()) {
        if !tx.has_role(*number)? {
            return Err(SearchError::NoPractice);
        }
    }
    let roles = roles.into_iter().map(|role| viewer.shown(role, now)).collect();
    Ok(with_includes(tx, roles, includes, viewer)?)
}

fn is_known<T>(named: &[NhsNumber], known: &[(NhsNumber, T)]) -> bool {
    named.iter().all(|number| known.iter().any(|(known, _)| known == number))
}

/// Reads one role.
///
/// # Errors
///
/// Database errors.
pub fn read_role(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    id: Uuid,
    includes: RoleIncludes,
    viewer: &Viewer,
) -> Result<Option<RolesFound>, Error> {
    let role = match &viewer.scope {
        Visibility::Organisation(_) => tx.find_role_within(id, viewer.scope.clone())?,
        Visibility::Everything | Visibility::Party { .. } | Visibility::Pair { .. } => tx.find_role(id)?,
    };
    let Some(role) = role else { return Ok(None) };
    with_includes(tx, vec![viewer.shown(role, clock.now())], includes, viewer).map(Some)
}

fn with_includes(
    tx: &mut Tx<'_>,
    roles: Vec<Versioned<Role>>,
    includes: RoleIncludes,
    viewer: &Viewer,
) -> Result<RolesFound, Error> {
    if roles.is_empty() || includes == RoleIncludes::default() {
        return Ok(RolesFound { roles, ..RolesFound::default() });
    }
    let proxies = roles.iter().map(|role| role.value.proxy).filter(|_| includes.proxy);
    let patients = roles.iter().map(|role| role.value.patient).filter(|_| includes.patient);
    let numbers: BTreeSet<NhsNumber> = proxies.chain(patients).collect();
    let people = if viewer.scope == Visibility::Everything {
        tx.list_current_people(&numbers.into_iter().collect::<Vec<_>>())?
    } else {
        let numbers = numbers.iter().map(ToString::to_string).collect();
        tx.list_visible_people(&Filter::OneOf(Table::People.id(), numbers), viewer.scope.clone())?
    };
    let relationships = if includes.proxy {
        let pairs: Vec<_> = roles.iter().map(|role| (role.value.proxy, role.value.patient)).collect();
        tx.list_relationships_of_pairs(&pairs)?
    } else {
        Vec::new()
    };
    Ok(RolesFound { roles, people, relationships })
}

/// Verified relationships, with the demographics of their patients: the contract shows them inside
/// each relationship (§4.2).
#[derive(Clone)]
pub struct RelationshipsFound {
    /// The relationships.
    pub relationships: Vec<Relationship>,
    /// The patients of the relationships, each once.
    pub patients: Vec<Person>,
}

/// Searches verified relationships by proxy, patient or both: five statements, whatever their number.
///
/// # Errors
///
/// [`SearchError::UnknownPerson`], [`SearchError::Store`].
pub fn search_relationships(
    tx: &mut Tx<'_>,
    proxy: Option<NhsNumber>,
    patient: Option<NhsNumber>,
    viewer: &Viewer,
) -> Result<RelationshipsFound, SearchError> {
    let named = viewer.answerable(proxy.into_iter().chain(patient).collect());
    if !is_known(&named, &tx.list_current_practices(&named)?) {
        return Err(SearchError::UnknownPerson);
    }
    let mut relationships = tx.list_verified_relationships(proxy, patient)?;
    let patients: BTreeSet<NhsNumber> = relationships.iter().map(|found| found.patient).collect();
    let mut patients = tx.list_current_people(&patients.into_iter().collect::<Vec<_>>())?;
    if let Visibility::Organisation(organisation) = &viewer.scope {
        patients.retain(|patient| organisation.is_some() && patient.practice == *organisation);
        relationships.retain(|one| patients.iter().any(|patient| patient.nhs_number == one.patient));
    }
    Ok(RelationshipsFound { relationships, patients })
}
