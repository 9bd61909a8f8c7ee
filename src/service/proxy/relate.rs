//! Creation and change of relationships.

use uuid::Uuid;

use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::{Act, Subject};
use domain::event::Topic;
use domain::proxy::{Relationship, Versioned};
use store::Tx;

/// Why a relationship is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RelationshipError {
    /// The registry does not know the patient, or they may not appear in an answer.
    #[error("the patient is not known")]
    UnknownPatient,
    /// The registry does not know the related person, or they may not appear in an answer.
    #[error("the related person is not known")]
    UnknownProxy,
    /// A change names other people than the relationship does.
    #[error("the people of a relationship cannot change")]
    OtherPeople,
    /// Both are the same person.
    #[error("a relationship is between two people")]
    SamePerson,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Records a relationship with a new id.
///
/// # Errors
///
/// [`RelationshipError`]; then nothing has changed.
pub fn create_relationship(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    id: Uuid,
    relationship: Relationship,
) -> Result<Versioned<Relationship>, RelationshipError> {
    let now = clock.now();
    if relationship.proxy == relationship.patient {
        return Err(RelationshipError::SamePerson);
    }
    let known = tx.list_current_practices(&[relationship.proxy, relationship.patient])?;
    let is_known = |number| known.iter().any(|(known, _)| *known == number);
    if !is_known(relationship.patient) {
        return Err(RelationshipError::UnknownPatient);
    }
    if !is_known(relationship.proxy) {
        return Err(RelationshipError::UnknownProxy);
    }
    let relationship = Relationship { id: id.to_string(), ..relationship };
    let created = tx.insert_relationship(relationship, now)?;
    tx.record(Act::RelationshipCreated, caller, &subject_of(&created), now)?;
    tx.publish(Topic::RelationshipChanged, &subject_of(&created), now)?;
    Ok(created)
}

/// Updates a relationship. An update without a change makes no version and no event.
///
/// # Errors
///
/// [`RelationshipError`]; then nothing has changed.
pub fn change_relationship(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    wanted: Relationship,
) -> Result<Versioned<Relationship>, RelationshipError> {
    let now = clock.now();
    let found = tx.list_relationships_by_id(std::slice::from_ref(&wanted.id))?.pop();
    let current =
        found.ok_or_else(|| Error::new(base::error::ErrorKind::NotFound, "there is no such relationship"))?;
    if (wanted.proxy, wanted.patient) != (current.value.proxy, current.value.patient) {
        return Err(RelationshipError::OtherPeople);
    }
    // A client cannot set whether a register vouches for it.
    let wanted = Relationship { verified: current.value.verified, ..wanted };
    if wanted == current.value {
        return Ok(current);
    }
    let changed = tx.save_relationship(wanted, current.version, now.max(current.updated_at))?;
    tx.record(Act::RelationshipChanged, caller, &subject_of(&changed), now)?;
    tx.publish(Topic::RelationshipChanged, &subject_of(&changed), now)?;
    Ok(changed)
}

fn subject_of(relationship: &Versioned<Relationship>) -> Subject {
    Subject {
        reference: format!("RelatedPerson/{}", relationship.value.id),
        version: relationship.version,
        patient: relationship.value.patient,
        proxy: relationship.value.proxy,
    }
}
