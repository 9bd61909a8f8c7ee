//! Milestones: a patient reaches an age at which roles are reviewed or end.

use crate::proxy::by_itself::{end_by_itself, save_by_itself};
use base::clock::Clock;
use base::date_time::FhirDateTime;
use base::error::Error;
use domain::account::Caller;
use domain::audit::Act;
use domain::person::NhsNumber;
use domain::proxy::milestone::birthday;
use domain::proxy::{MilestoneAction, Milestones, Role, Status, StatusReason, Versioned};
use store::Tx;

/// Applies the table to every active role for a patient who has reached this age, and returns their number.
/// Each role passes a birthday once; a role that was made after it does not.
///
/// # Errors
///
/// Database errors.
pub fn reach_milestone(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    table: &Milestones,
    patient: NhsNumber,
    age: i32,
) -> Result<u32, Error> {
    let now = clock.now();
    let Some(birth) = tx.find_birth_date(patient)? else { return Ok(0) };
    let mut changed = 0;
    for id in tx.list_role_ids_of(patient)? {
        let Some(role) = tx.find_stored_role(&id)? else { continue };
        if role.value.patient != patient || !is_concerned(&role.value, &birth, age, clock) {
            continue;
        }
        if tx.insert_milestone(role.value.id, age, now)? {
            changed += u32::from(apply_milestone(tx, clock, table, &role, age)?);
        }
    }
    Ok(changed)
}

/// Whether the role is active, and was made before the birthday, which has passed.
fn is_concerned(role: &Role, birth: &FhirDateTime, age: i32, clock: &dyn Clock) -> bool {
    let now = clock.now();
    let is_active = role.status == Status::Active && !role.has_lapsed(now);
    is_active && birthday(birth, age).is_some_and(|day| day <= now && role.created.earliest() < day)
}

fn apply_milestone(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    table: &Milestones,
    role: &Versioned<Role>,
    age: i32,
) -> Result<bool, Error> {
    let (caller, now) = (&Caller::SERVICE, clock.now());
    match table.action(age, role.value.legal_basis) {
        Some(MilestoneAction::End) => {
            let reason = StatusReason::in_words("The patient has reached an age at which this role ends.");
            end_by_itself(tx, caller, role, (reason, Act::RoleEndedByAge), now)
        }
        Some(MilestoneAction::Review) if !role.value.needs_review => {
            let marked = Role { needs_review: true, ..role.value.clone() };
            save_by_itself(tx, caller, (marked, role.version), Act::RoleReviewDue, now)?;
            Ok(true)
        }
        Some(MilestoneAction::Review) | None => Ok(false),
    }
}
