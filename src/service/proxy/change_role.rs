//! Changes of a role.

use uuid::Uuid;

use crate::proxy::people::{Bar, check_people, state_in, subject_of};
use base::clock::Clock;
use base::error::{Error, ErrorKind};
use domain::account::Caller;
use domain::audit::Act;
use domain::event::Topic;
use domain::person::PersonOperation;
use domain::proxy::{Role, RoleChange, RoleError, Rules, Versioned};
use store::Tx;

/// Changes a role as `propose` says for the role as it counts now. The role is locked meanwhile. A change
/// that sets nothing new makes no version and no event.
///
/// # Errors
///
/// [`ErrorKind::NotFound`] where there is no such role that may appear in an answer, the refusal of `propose`, or
/// the rule that the change breaks. Then nothing has changed.
pub fn change_role<E: From<Error> + From<RoleError>>(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    id: Uuid,
    rules: Rules,
    propose: impl FnOnce(&Role) -> Result<RoleChange, E>,
) -> Result<Versioned<Role>, E> {
    let now = clock.now();
    let found = tx.find_role_to_change(id)?;
    let mut role = found.ok_or_else(not_found)?;
    if role.value.has_lapsed(now) {
        // The end has passed and the job has not run yet: the history shows both steps.
        let lapsed = role.value.as_of(now);
        role = tx.save_role(lapsed, role.version, now.max(role.updated_at))?;
        tx.record(Act::RoleLapsed, &Caller::SERVICE, &subject_of(&role), now)?;
        tx.publish(Topic::RoleChanged, &subject_of(&role), now)?;
    }
    let change = propose(&role.value)?;
    let reason = change.reason.map(|reason| reason.given_by(caller.principal.user()));
    let change = RoleChange { reason, ..change };
    let changed = role.value.changed(change, rules, now)?;
    if changed == role.value {
        return Ok(role);
    }
    if changed.is_in_force() {
        let known = tx.lock_person_states(&[changed.patient, changed.proxy])?;
        check_people(&changed, PersonOperation::ActivateRole, state_in(&known)).map_err(|bar| match bar {
            Bar::Died(why) => E::from(why),
            Bar::UnknownPatient | Bar::UnknownProxy => not_found().into(),
        })?;
    }
    let role = tx.save_role(changed, role.version, now.max(role.updated_at))?;
    tx.record(Act::RoleChanged, caller, &subject_of(&role), now)?;
    tx.publish(Topic::RoleChanged, &subject_of(&role), now)?;
    Ok(role)
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such role")
}
