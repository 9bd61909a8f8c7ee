//! The state machine of a role: its transitions, and the reasons of each.
//!
//! Source: contract §6.1 (the machine of May 2026, the default) and §6.2 (the earlier one, a superset that
//! adds applications; a setting).

use serde::{Deserialize, Serialize};

use crate::proxy::status_reason::ReasonCode;

/// The status of a role (FHIR `Consent.status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Applied for; only with [`Lifecycle::WithApplications`].
    Proposed,
    /// The proxy may act.
    Active,
    /// The application was refused.
    Rejected,
    /// The proxy may no longer act.
    Inactive,
    /// The application was withdrawn; only with [`Lifecycle::WithApplications`].
    EnteredInError,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Proposed, Self::Active, Self::Rejected, Self::Inactive, Self::EnteredInError];

    /// FHIR's code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Inactive => "inactive",
            Self::EnteredInError => "entered-in-error",
        }
    }

    /// Parses a code.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// The configured state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// May 2026: decisions only.
    Decisions,
    /// March 2026: applications are roles with the status `proposed`.
    WithApplications,
}

/// How a reason is checked against the transition that it explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonCheck {
    /// Only the reasons of the transition's row.
    ByTransition,
    /// Any known reason: the published examples set `inactive` with `ROLE_CREATED`.
    KnownCode,
}

const CREATED: &[ReasonCode] = &[ReasonCode::RoleCreated, ReasonCode::Other];
const ACTIVATED: &[ReasonCode] = &[ReasonCode::RoleActivated, ReasonCode::Other];
const REACTIVATED: &[ReasonCode] = &[ReasonCode::RoleReactivated, ReasonCode::Other];
const SUBMITTED: &[ReasonCode] = &[ReasonCode::ApplicationSubmitted];
const RESUBMITTED: &[ReasonCode] = &[ReasonCode::ApplicationResubmitted];
const WITHDRAWN: &[ReasonCode] = &[ReasonCode::ApplicationWithdrawn];
const REJECTED: &[ReasonCode] = &[
    ReasonCode::ApplicationRejectedNotNeeded,
    ReasonCode::ApplicationRejectedSafeguarding,
    ReasonCode::ApplicationRejectedIdentityNotVerified,
    ReasonCode::ApplicationRejectedNoConsent,
    ReasonCode::ApplicationRejectedProxyLacksCapacity,
    ReasonCode::ApplicationRejectedProxyNotLivingInEnglandOrWales,
    ReasonCode::ApplicationRejectedNoLegalBasis,
    ReasonCode::Other,
];
const DEACTIVATED: &[ReasonCode] = &[
    ReasonCode::RoleDeactivatedSafeguarding,
    ReasonCode::RoleDeactivatedPatientRequest,
    ReasonCode::RoleDeactivatedEndDateReached,
    ReasonCode::RoleDeactivatedInactiveRole,
    ReasonCode::RoleDeactivatedPatientDeceased,
    ReasonCode::RoleDeactivatedProxyDeceased,
    ReasonCode::RoleDeactivatedChangeInRelationship,
    ReasonCode::RoleDeactivatedProxyLacksCapacity,
    ReasonCode::RoleDeactivatedMisuseOfSystem,
    ReasonCode::RoleDeactivatedPatientGpTransferred,
    ReasonCode::RoleDeactivatedProxyGpTransferred,
    ReasonCode::RoleDeactivatedProxyNotLivingInEnglandOrWales,
    ReasonCode::RoleSuspendedPendingReview,
    ReasonCode::Other,
];

/// The reasons of a transition, or `None` where the machine has no such transition. `from` is `None` for a
/// role that is being created.
pub fn reasons_for(from: Option<Status>, to: Status, lifecycle: Lifecycle) -> Option<&'static [ReasonCode]> {
    use Status::{Active, EnteredInError, Inactive, Proposed, Rejected};
    match (from, to) {
        (None, Active) => Some(CREATED),
        (None | Some(Inactive), Rejected) => Some(REJECTED),
        (Some(Rejected), Active) => Some(ACTIVATED),
        (Some(Inactive), Active) => Some(REACTIVATED),
        (Some(Active), Inactive) => Some(DEACTIVATED),
        _ if lifecycle == Lifecycle::Decisions => None,
        (None, Proposed) => Some(SUBMITTED),
        (Some(Rejected), Proposed) => Some(RESUBMITTED),
        (Some(Proposed), Active) => Some(ACTIVATED),
        (Some(Proposed), Rejected) => Some(REJECTED),
        (Some(Proposed), EnteredInError) => Some(WITHDRAWN),
        _ => None,
    }
}

/// The reasons that a role with this status can have after any transition to it; none where no transition
/// leads there. For roles that have a past in another system.
pub fn reasons_to_be(status: Status, lifecycle: Lifecycle) -> Vec<ReasonCode> {
    let before = std::iter::once(None).chain(Status::ALL.map(Some));
    before.filter_map(|from| reasons_for(from, status, lifecycle)).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::{Lifecycle, Status, reasons_for};
    use crate::proxy::legal_basis::LegalBasis;
    use crate::proxy::status_reason::ReasonCode;

    const PAGE: &str = include_str!("../../../docs/integrator.md");

    /// The reasons of the page's row for a transition; none where it has no such row.
    fn documented_reasons(from: Option<Status>, to: Status) -> Option<Vec<&'static str>> {
        let from = from.map_or("(new)", Status::as_str);
        let row =
            PAGE.lines().find_map(|line| line.strip_prefix(&format!("| {from} | {} | ", to.as_str())))?;
        let codes = row.split('`').skip(1).step_by(2);
        let is_meant = |written: &str, code: &str| match written.strip_suffix('…') {
            Some(start) => code.starts_with(start),
            None => code == written,
        };
        Some(
            codes
                .flat_map(|written| {
                    ReasonCode::all().map(ReasonCode::code).filter(move |code| is_meant(written, code))
                })
                .collect(),
        )
    }

    #[test]
    fn each_change_of_status_is_in_the_documentation_with_its_reasons() {
        for from in std::iter::once(None).chain(Status::ALL.map(Some)) {
            for to in Status::ALL {
                let allowed = reasons_for(from, to, Lifecycle::WithApplications);
                let mut allowed =
                    allowed.map(|reasons| reasons.iter().map(|reason| reason.code()).collect::<Vec<_>>());
                let mut documented = documented_reasons(from, to);
                for reasons in [&mut allowed, &mut documented].into_iter().flatten() {
                    reasons.sort_unstable();
                }
                assert_eq!(documented, allowed, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn each_reason_and_each_legal_basis_is_in_the_documentation_with_its_display() {
        let reasons = ReasonCode::all().map(|reason| (reason.code(), reason.display()));
        for (code, display) in reasons.chain(LegalBasis::ALL.map(|basis| (basis.code(), basis.display()))) {
            assert!(PAGE.contains(&format!("| `{code}` | {display} |")), "{code}");
        }
    }
}
