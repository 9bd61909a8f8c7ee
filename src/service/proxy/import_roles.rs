//! Roles that another system has kept come here, many at a time.
//!
//! The rules are those of a create and of the changes after it. What is here already is never written over: a line
//! that says the same is nothing to do, so that an import that was broken off can be begun again.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::proxy::create_role::{CreateRoleError, door_of};
use crate::proxy::people::{check_people, subject_of};
use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::event::Topic;
use domain::person::{NhsNumber, PersonState};
use domain::proxy::{Role, RoleError, Versioned};
use store::Tx;

/// A role that comes in.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The role, with the id that it gets.
    pub role: Role,
    /// Its version, and when that was written, where they are to stay as they were. Then its id is to stay as well.
    pub origin: Option<(i64, DateTime<Utc>)>,
    /// Whether the rules let it be, by themselves ([`Role::check_past`]).
    pub verdict: Result<(), RoleError>,
}

/// What became of it.
#[derive(Debug)]
pub enum Imported {
    /// There is a new role.
    Created(Uuid),
    /// This role says the same: nothing was done.
    Same(Uuid),
    /// This role has the pair, or the id, and says something else: nothing was done.
    Conflict(Uuid),
    /// It may not be.
    Refused(CreateRoleError),
}

/// Writes those of these roles that may be and are not here yet: each with its version, its audit record and its
/// event. In a rehearsal nothing is written. Answers for each, in their order.
///
/// # Errors
///
/// When the database refuses; then nothing has changed.
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
        let outcome = known.judge(one, now);
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

/// What is here already of what comes in.
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

    fn judge(&self, one: &Incoming, now: DateTime<Utc>) -> Imported {
        let Incoming { role, origin, verdict } = one;
        let present = self.of_pair.get(&(role.proxy, role.patient));
        if let Some(present) = present.filter(|present| is_same(present, role, origin.is_some(), now)) {
            // What was right when it came is not refused because its end has passed since.
            return Imported::Same(present.id);
        }
        if let Err(rule) = verdict {
            return Imported::Refused((*rule).into());
        }
        if let Err(bar) = check_people(role, door_of(role), |number| self.people.get(&number).copied()) {
            return Imported::Refused(bar.into());
        }
        match present {
            Some(present) => Imported::Conflict(present.id),
            None if origin.is_some() && self.ids.contains(&role.id) => Imported::Conflict(role.id),
            None => Imported::Created(role.id),
        }
    }
}

/// Whether a role that is here says what one says that comes in: as it was written, or as it counts now.
fn is_same(present: &Role, role: &Role, keeps_id: bool, now: DateTime<Utc>) -> bool {
    if keeps_id && present.id != role.id {
        return false;
    }
    present.says_what(role) || present.clone().as_of(now).says_what(role)
}
