//! Import of roles from another system, many at a time.
//!
//! The rules are those of a create and of the changes after it. An existing role is never overwritten: a line
//! with the same content is skipped, so that an interrupted import can be started again.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::proxy::create_role::{CreateRoleError, operation_of};
use crate::proxy::people::{check_people, subject_of};
use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::event::Topic;
use domain::person::{NhsNumber, PersonState};
use domain::proxy::{Role, RoleError, Versioned};
use store::Tx;

/// A role to import.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The role, with the id that it gets.
    pub role: Role,
    /// Its version and the time of that, where both are kept. Then its id is kept as well.
    pub origin: Option<(i64, DateTime<Utc>)>,
    /// Whether the role itself is valid ([`Role::check_past`]).
    pub verdict: Result<(), RoleError>,
}

/// The result of one role.
#[derive(Debug)]
pub enum Imported {
    /// The role was created.
    Created(Uuid),
    /// This role has the same content: nothing was done.
    Same(Uuid),
    /// This role has the pair, or the id, and other content: nothing was done.
    Conflict(Uuid),
    /// It is not valid.
    Refused(CreateRoleError),
}

/// Writes the valid roles that do not exist yet: each with its version, its audit record and its event. A
/// rehearsal writes nothing. Returns a result for each, in their order.
///
/// # Errors
///
/// Database errors; then nothing has changed.
pub fn import_roles(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    incoming: &[Incoming],
    is_rehearsal: bool,
) -> Result<Vec<Imported>, Error> {
    let now = clock.now();
    let mut known = Known::load(tx, incoming, is_rehearsal)?;
    let mut new = Vec::new();
    let mut outcomes = Vec::with_capacity(incoming.len());
    for one in incoming {
        let outcome = known.decide(one, now);
        if let Imported::Created(_) = outcome {
            let (version, updated_at) = one.origin.unwrap_or((1, now));
            known.add(one.role.clone());
            new.push(Versioned { value: one.role.clone(), version, updated_at });
        }
        outcomes.push(outcome);
    }
    if !is_rehearsal && !new.is_empty() {
        tx.insert_roles(&new)?;
        let subjects: Vec<_> = new.iter().map(subject_of).collect();
        for subject in &subjects {
            tx.record(Act::RoleCreated, caller, subject, now)?;
        }
        tx.publish_all(Topic::RoleCreated, &subjects, now)?;
    }
    Ok(outcomes)
}

/// Existing data about the roles to import.
struct Known {
    people: HashMap<NhsNumber, PersonState>,
    of_pair: HashMap<(NhsNumber, NhsNumber), Role>,
    ids: BTreeSet<Uuid>,
}

impl Known {
    fn load(tx: &mut Tx<'_>, incoming: &[Incoming], is_rehearsal: bool) -> Result<Self, Error> {
        let proxies: BTreeSet<NhsNumber> = incoming.iter().map(|one| one.role.proxy).collect();
        let mut people: Vec<NhsNumber> = incoming.iter().map(|one| one.role.patient).collect();
        people.extend(&proxies);
        people.sort_unstable();
        people.dedup();
        // A rehearsal only reads.
        let people =
            if is_rehearsal { tx.list_person_states(&people)? } else { tx.lock_person_states(&people)? };
        let proxies: Vec<NhsNumber> = proxies.into_iter().collect();
        let roles = tx.list_roles_of_proxies(&proxies)?;
        let kept: Vec<String> =
            incoming.iter().filter(|one| one.origin.is_some()).map(|one| one.role.id.to_string()).collect();
        let ids = if kept.is_empty() { Vec::new() } else { tx.list_roles_by_id(&kept)? };
        let pair = |role: Role| ((role.proxy, role.patient), role);
        Ok(Self {
            people: people.into_iter().collect(),
            of_pair: roles.into_iter().map(|role| pair(role.value)).collect(),
            ids: ids.into_iter().map(|role| role.value.id).collect(),
        })
    }

    fn add(&mut self, role: Role) {
        self.ids.insert(role.id);
        self.of_pair.insert((role.proxy, role.patient), role);
    }

    fn decide(&self, one: &Incoming, now: DateTime<Utc>) -> Imported {
        let Incoming { role, origin, verdict } = one;
        let present = self.of_pair.get(&(role.proxy, role.patient));
        if let Some(present) = present.filter(|present| is_same(present, role, origin.is_some(), now)) {
            // A role that was valid when imported is not refused because its end has passed since.
            return Imported::Same(present.id);
        }
        if let Err(rule) = verdict {
            return Imported::Refused((*rule).into());
        }
        if let Err(bar) = check_people(role, operation_of(role), |number| self.people.get(&number).copied()) {
            return Imported::Refused(bar.into());
        }
        match present {
            Some(present) => Imported::Conflict(present.id),
            None if origin.is_some() && self.ids.contains(&role.id) => Imported::Conflict(role.id),
            None => Imported::Created(role.id),
        }
    }
}

/// Whether an existing role equals one to import: as stored, or as it counts now.
fn is_same(present: &Role, role: &Role, keeps_id: bool, now: DateTime<Utc>) -> bool {
    if keeps_id && present.id != role.id {
        return false;
    }
    present.says_what(role) || present.clone().as_of(now).says_what(role)
}
