//! Creation of a role from a clinical system's decision.

use uuid::Uuid;

use crate::proxy::people::{Bar, check_people, state_in, subject_of};
use base::clock::Clock;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::event::Topic;
use domain::person::PersonOperation;
use domain::proxy::{Role, RoleDraft, RoleError, Rules, Versioned};
use store::Tx;

/// Why a role is not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateRoleError {
    /// The draft breaks a rule.
    #[error(transparent)]
    Rule(#[from] RoleError),
    /// The registry does not know the patient, or they may not appear in an answer.
    #[error("the patient is not known")]
    UnknownPatient,
    /// The registry does not know the proxy, or they may not appear in an answer.
    #[error("the proxy is not known")]
    UnknownProxy,
    /// There is a role for this pair, whatever its status.
    #[error("there is a role for this pair")]
    Duplicate,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<Bar> for CreateRoleError {
    fn from(bar: Bar) -> Self {
        match bar {
            Bar::UnknownPatient => Self::UnknownPatient,
            Bar::UnknownProxy => Self::UnknownProxy,
            Bar::Died(rule) => Self::Rule(rule),
        }
    }
}

/// The operation that writing a new role is, made here or in another system.
pub(super) const fn operation_of(role: &Role) -> PersonOperation {
    if role.is_in_force() { PersonOperation::CreateRole } else { PersonOperation::RecordDecision }
}

/// Creates a role with a new id.
///
/// # Errors
///
/// [`CreateRoleError`]; then nothing has changed.
pub fn create_role(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    id: Uuid,
    draft: RoleDraft,
    rules: Rules,
) -> Result<Versioned<Role>, CreateRoleError> {
    let now = clock.now();
    let role = Role::create(id, draft, rules, now)?;
    let known = tx.lock_person_states(&[role.patient, role.proxy])?;
    check_people(&role, operation_of(&role), state_in(&known))?;
    let role = tx.insert_role(role, now)?.ok_or(CreateRoleError::Duplicate)?;
    tx.record(Act::RoleCreated, caller, &subject_of(&role), now)?;
    tx.publish(Topic::RoleCreated, &subject_of(&role), now)?;
    Ok(role)
}
