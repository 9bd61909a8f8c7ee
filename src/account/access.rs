//! Decides what a caller may do: first by the kind of caller, then by whose data it is.

use crate::account::Who;
use crate::person::NhsNumber;
use crate::proxy::{Change, ReasonCode, Role, Status};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Hand in an access request.
    SubmitAccessRequest,
    /// Read an access request.
    ReadAccessRequest,
    /// Look for verified relationships.
    SearchRelationships,
    /// Look for roles.
    SearchRoles,
    /// Record a decision as a new role.
    CreateRole,
    /// Read a role.
    ReadRole,
    /// Change a role.
    ChangeRole,
    /// Read or look for anything else: people, relationships, forms, definitions, the audit record.
    ReadRecords,
    /// Record or change a relationship, or an access request that was handed in.
    WriteRecords,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 9] = [
        Self::SubmitAccessRequest,
        Self::ReadAccessRequest,
        Self::SearchRelationships,
        Self::SearchRoles,
        Self::CreateRole,
        Self::ReadRole,
        Self::ChangeRole,
        Self::ReadRecords,
        Self::WriteRecords,
    ];
}

/// The caller may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller may not do this")]
pub struct Refusal;

/// Decides by the kind of caller alone (contract §1.1 and §9 rows 17 and 18).
///
/// # Errors
///
/// [`Refusal`] when this kind of caller never does this.
pub fn decide_kind(who: &Who, action: Action) -> Result<(), Refusal> {
    let may = match who {
        Who::Anyone | Who::Service => true,
        Who::Citizen { .. } => !matches!(action, Action::CreateRole | Action::WriteRecords),
        Who::Staff { .. } => action != Action::SubmitAccessRequest,
        Who::System { .. } => !matches!(action, Action::SubmitAccessRequest | Action::SearchRelationships),
    };
    if may { Ok(()) } else { Err(Refusal) }
}

/// Decides by whose data it is: a citizen reaches only what names them.
///
/// # Errors
///
/// [`Refusal`] when the caller is a citizen and is none of `parties`.
pub fn decide_parties(who: &Who, parties: &[NhsNumber]) -> Result<(), Refusal> {
    match who {
        Who::Citizen { nhs_number } if !parties.contains(nhs_number) => Err(Refusal),
        Who::Citizen { .. } | Who::Anyone | Who::Staff { .. } | Who::System { .. } | Who::Service => Ok(()),
    }
}

/// Decides whether a caller may make this change to this role. Patient and proxy may end a role, and
/// nothing else: active to inactive, because the patient asks or because nobody uses it.
///
/// # Errors
///
/// [`Refusal`] when the caller is a citizen and wants anything else.
pub fn decide_change(who: &Who, role: &Role, change: &Change) -> Result<(), Refusal> {
    let Who::Citizen { .. } = who else { return Ok(()) };
    decide_parties(who, &[role.proxy, role.patient])?;
    let ends = change.status == Some(Status::Inactive) && role.status == Status::Active;
    let for_cause = change.reason.as_ref().is_some_and(|reason| {
        matches!(
            reason.code(),
            ReasonCode::RoleDeactivatedPatientRequest | ReasonCode::RoleDeactivatedInactiveRole
        )
    });
    let nothing_else = change.grantor.is_none() && change.end.is_none() && change.legal_basis.is_none();
    if ends && for_cause && nothing_else { Ok(()) } else { Err(Refusal) }
}
