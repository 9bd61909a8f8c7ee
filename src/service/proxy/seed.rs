//! Seeding of a database with existing people, relationships, roles and access requests.

use std::ops::AddAssign;

use chrono::{DateTime, Utc};

use crate::proxy::people::{Bar, check_people, state_in, subject_of};
use base::clock::Clock;
use base::error::{Error, ErrorKind};
use domain::account::Caller;
use domain::audit::Act;
use domain::event::Topic;
use domain::person::{Person, PersonOperation};
use domain::proxy::{AccessRequest, Relationship, Role};
use store::Tx;

/// The data to seed. Roles come with the time of their last change and are stored as given: history is not
/// validated by today's rules.
#[derive(Clone, Default)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Seed {
    pub people: Vec<Person>,
    pub relationships: Vec<Relationship>,
    pub roles: Vec<(Role, DateTime<Utc>)>,
    pub access_requests: Vec<AccessRequest>,
}

/// The numbers of new rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they count")]
pub struct Seeded {
    pub people: usize,
    pub relationships: usize,
    pub roles: usize,
    pub access_requests: usize,
}

impl AddAssign for Seeded {
    fn add_assign(&mut self, other: Self) {
        self.people += other.people;
        self.relationships += other.relationships;
        self.roles += other.roles;
        self.access_requests += other.access_requests;
    }
}

/// Writes what does not exist yet; existing rows are unchanged, so that seeding twice equals seeding once.
///
/// # Errors
///
/// Database errors; then nothing has changed.
pub fn seed(tx: &mut Tx<'_>, clock: &dyn Clock, seed: Seed) -> Result<Seeded, Error> {
    let now = clock.now();
    let mut seeded = Seeded::default();
    for person in &seed.people {
        seeded.people += usize::from(tx.insert_person_if_new(person, now)?);
    }
    for relationship in seed.relationships {
        if !tx.has_relationship(&relationship.id)? {
            tx.insert_relationship(relationship, now)?;
            seeded.relationships += 1;
        }
    }
    for (role, updated_at) in seed.roles {
        if !tx.has_role_of_pair(role.proxy, role.patient)? {
            check_alive(tx, &role)?;
            let Some(role) = tx.insert_role(role, updated_at)? else { continue };
            tx.record(Act::RoleCreated, &Caller::SERVICE, &subject_of(&role), now)?;
            tx.publish(Topic::RoleCreated, &subject_of(&role), now)?;
            seeded.roles += 1;
        }
    }
    for request in seed.access_requests {
        if !tx.has_access_request(request.id, &request.reference_code)? {
            tx.insert_access_request(request, now)?;
            seeded.access_requests += 1;
        }
    }
    Ok(seeded)
}

/// History is not validated, but no role is active for a person who has died.
fn check_alive(tx: &mut Tx<'_>, role: &Role) -> Result<(), Error> {
    let known = tx.lock_person_states(&[role.patient, role.proxy])?;
    match check_people(role, PersonOperation::SeedRole, state_in(&known)) {
        Err(Bar::Died(why)) if role.is_in_force() => {
            let message = format!("the role {} cannot be active: {why}", role.id);
            Err(Error::new(ErrorKind::Unprocessable, message))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
