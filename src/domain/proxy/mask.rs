//! Masked status reasons, as the two people of a role see them where `access.mask_reasons` is set.
//!
//! The reason of a decision can hurt: that a practice saw a safeguarding concern, or that the patient asked
//! for the end. So both people, and the apps that act for them, get one neutral reason per status, whatever
//! caused it. A reason that a person gave is shown to that person, and one that says no more than the status
//! is shown to both.

use crate::person::nhs_number::NhsNumber;
use crate::proxy::role::Role;
use crate::proxy::role_state::Status;
use crate::proxy::status_reason::{ReasonCode, StatusReason};

/// The text of a masked reason while a role is suspended.
pub const PAUSED: &str = "This access is paused.";
/// The text of a masked reason when a role has ended.
pub const ENDED: &str = "This access has ended.";
/// The text of a masked reason when a role was rejected.
pub const NOT_SET_UP: &str = "This access was not set up.";
/// The text of a masked reason of an active role, for a reason not in [`PLAIN`].
pub const IN_FORCE: &str = "This access is in force.";
/// The text of a masked reason of a proposed role.
pub const REQUESTED: &str = "This access was requested.";

/// The reasons that say no more than the status that they explain. Their text is masked all the same.
pub const PLAIN: [(Status, &[ReasonCode]); 2] = [
    (Status::Active, &[ReasonCode::RoleCreated, ReasonCode::RoleActivated, ReasonCode::RoleReactivated]),
    (Status::Proposed, &[ReasonCode::ApplicationSubmitted, ReasonCode::ApplicationResubmitted]),
];

/// The reasons that citizens may give. No other is ever shown as a person's own.
pub const OWN: [ReasonCode; 3] = [
    ReasonCode::RoleDeactivatedPatientRequest,
    ReasonCode::RoleDeactivatedInactiveRole,
    ReasonCode::ApplicationSubmitted,
];

/// The reason of a role with this status, as this citizen sees it.
#[must_use]
pub fn masked(status: Status, reason: StatusReason, citizen: NhsNumber) -> StatusReason {
    let code = reason.code();
    if reason.giver() == Some(citizen) && OWN.contains(&code) {
        return reason;
    }
    if PLAIN.iter().any(|(of, codes)| *of == status && codes.contains(&code)) {
        return StatusReason::of_service(code);
    }
    StatusReason::in_words(match status {
        Status::Inactive if code == ReasonCode::RoleSuspendedPendingReview => PAUSED,
        Status::Inactive | Status::EnteredInError => ENDED,
        Status::Rejected => NOT_SET_UP,
        Status::Active => IN_FORCE,
        Status::Proposed => REQUESTED,
    })
}

impl Role {
    /// The role as this citizen sees it; unchanged for other callers, or where reasons are not masked.
    #[must_use]
    pub fn masked_for(self, citizen: Option<NhsNumber>) -> Self {
        let Some(citizen) = citizen else { return self };
        let reason = masked(self.status, self.reason, citizen);
        Self { reason, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{ENDED, NOT_SET_UP, OWN, PAUSED, masked};
    use crate::person::nhs_number::{NhsNumber, NumberCheck};
    use crate::proxy::role_state::Status;
    use crate::proxy::status_reason::{ReasonCode, StatusReason};

    fn number(text: &str) -> NhsNumber {
        NhsNumber::parse(text, NumberCheck::Length).unwrap()
    }

    fn reason(code: ReasonCode) -> StatusReason {
        StatusReason::new(code, Some("a note of the staff".to_owned())).unwrap()
    }

    #[test]
    fn every_masked_reason_of_an_ended_role_is_the_same() {
        let own = number("9000000009");
        for code in ReasonCode::all() {
            let ended = masked(Status::Inactive, reason(code), own);
            let expected = if code == ReasonCode::RoleSuspendedPendingReview { PAUSED } else { ENDED };
            assert_eq!((ended.code(), ended.text()), (ReasonCode::Other, Some(expected)), "{code:?}");
            let rejected = masked(Status::Rejected, reason(code), own);
            assert_eq!((rejected.code(), rejected.text()), (ReasonCode::Other, Some(NOT_SET_UP)), "{code:?}");
        }
    }

    #[test]
    fn status_reason_is_shown_only_to_the_citizen_who_gave_it() {
        let (own, other) = (number("9000000009"), number("9000000017"));
        for code in ReasonCode::all() {
            let given = reason(code).given_by(Some(own));
            let is_shown = masked(Status::Inactive, given.clone(), own) == given;
            assert_eq!(is_shown, OWN.contains(&code), "{code:?}");
            assert_eq!(masked(Status::Inactive, given, other).code(), ReasonCode::Other, "{code:?}");
        }
    }

    #[test]
    fn reason_text_of_an_active_role_is_masked() {
        for code in ReasonCode::all() {
            let shown = masked(Status::Active, reason(code), number("9000000009"));
            assert!(shown.text().is_none_or(|text| text == super::IN_FORCE), "{code:?}");
        }
    }
}
