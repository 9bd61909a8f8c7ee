//! Status reasons of a role (contract §4.1, status reason codes 1.27).

use crate::person::nhs_number::NhsNumber;

/// A status reason code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the code is the name; `display` has the words")]
pub enum ReasonCode {
    RoleCreated,
    RoleActivated,
    RoleReactivated,
    RoleDeactivatedSafeguarding,
    RoleDeactivatedPatientRequest,
    RoleDeactivatedEndDateReached,
    RoleDeactivatedInactiveRole,
    RoleDeactivatedPatientDeceased,
    RoleDeactivatedProxyDeceased,
    RoleDeactivatedChangeInRelationship,
    RoleDeactivatedProxyLacksCapacity,
    RoleDeactivatedMisuseOfSystem,
    RoleDeactivatedPatientGpTransferred,
    RoleDeactivatedProxyGpTransferred,
    RoleDeactivatedProxyNotLivingInEnglandOrWales,
    RoleSuspendedPendingReview,
    ApplicationSubmitted,
    ApplicationResubmitted,
    ApplicationWithdrawn,
    ApplicationRejectedNotNeeded,
    ApplicationRejectedSafeguarding,
    ApplicationRejectedIdentityNotVerified,
    ApplicationRejectedNoConsent,
    ApplicationRejectedProxyLacksCapacity,
    ApplicationRejectedProxyNotLivingInEnglandOrWales,
    ApplicationRejectedNoLegalBasis,
    Other,
}

/// Code and display text of every reason, in the order of the contract.
const CATALOGUE: [(ReasonCode, &str, &str); 27] = [
    (ReasonCode::RoleCreated, "ROLE_CREATED", "Role created"),
    (ReasonCode::RoleActivated, "ROLE_ACTIVATED", "Role activated"),
    (ReasonCode::RoleReactivated, "ROLE_REACTIVATED", "Role reactivated"),
    (ReasonCode::RoleDeactivatedSafeguarding, "ROLE_DEACTIVATED_SAFEGUARDING", "Safeguarding concern"),
    (ReasonCode::RoleDeactivatedPatientRequest, "ROLE_DEACTIVATED_PATIENT_REQUEST", "At patient request"),
    (ReasonCode::RoleDeactivatedEndDateReached, "ROLE_DEACTIVATED_END_DATE_REACHED", "End date reached"),
    (ReasonCode::RoleDeactivatedInactiveRole, "ROLE_DEACTIVATED_INACTIVE_ROLE", "Role no longer in use"),
    (ReasonCode::RoleDeactivatedPatientDeceased, "ROLE_DEACTIVATED_PATIENT_DECEASED", "Patient deceased"),
    (ReasonCode::RoleDeactivatedProxyDeceased, "ROLE_DEACTIVATED_PROXY_DECEASED", "Proxy deceased"),
    (
        ReasonCode::RoleDeactivatedChangeInRelationship,
        "ROLE_DEACTIVATED_CHANGE_IN_RELATIONSHIP",
        "Change in relationship",
    ),
    (
        ReasonCode::RoleDeactivatedProxyLacksCapacity,
        "ROLE_DEACTIVATED_PROXY_LACKS_CAPACITY",
        "Proxy lacks capacity",
    ),
    (ReasonCode::RoleDeactivatedMisuseOfSystem, "ROLE_DEACTIVATED_MISUSE_OF_SYSTEM", "Misuse of system"),
    (
        ReasonCode::RoleDeactivatedPatientGpTransferred,
        "ROLE_DEACTIVATED_PATIENT_GP_TRANSFERRED",
        "Patient GP transferred",
    ),
    (
        ReasonCode::RoleDeactivatedProxyGpTransferred,
        "ROLE_DEACTIVATED_PROXY_GP_TRANSFERRED",
        "Proxy GP transferred",
    ),
    (
        ReasonCode::RoleDeactivatedProxyNotLivingInEnglandOrWales,
        "ROLE_DEACTIVATED_PROXY_NOT_LIVING_IN_ENGLAND_OR_WALES",
        "Proxy not living in England or Wales",
    ),
    (ReasonCode::RoleSuspendedPendingReview, "ROLE_SUSPENDED_PENDING_REVIEW", "Suspended pending review"),
    (ReasonCode::ApplicationSubmitted, "APPLICATION_SUBMITTED", "Application submitted online"),
    (ReasonCode::ApplicationResubmitted, "APPLICATION_RESUBMITTED", "Application re-submitted"),
    (ReasonCode::ApplicationWithdrawn, "APPLICATION_WITHDRAWN", "Proxy application withdrawn"),
    (
        ReasonCode::ApplicationRejectedNotNeeded,
        "APPLICATION_REJECTED_NOT_NEEDED",
        "Proxy support not required",
    ),
    (
        ReasonCode::ApplicationRejectedSafeguarding,
        "APPLICATION_REJECTED_SAFEGUARDING",
        "Safeguarding concern identified",
    ),
    (
        ReasonCode::ApplicationRejectedIdentityNotVerified,
        "APPLICATION_REJECTED_IDENTITY_NOT_VERIFIED",
        "Proxy identity not verified",
    ),
    (ReasonCode::ApplicationRejectedNoConsent, "APPLICATION_REJECTED_NO_CONSENT", "Patient does not consent"),
    (
        ReasonCode::ApplicationRejectedProxyLacksCapacity,
        "APPLICATION_REJECTED_PROXY_LACKS_CAPACITY",
        "Proxy lacks capacity",
    ),
    (
        ReasonCode::ApplicationRejectedProxyNotLivingInEnglandOrWales,
        "APPLICATION_REJECTED_PROXY_NOT_LIVING_IN_ENGLAND_OR_WALES",
        "Proxy not living in England or Wales",
    ),
    (
        ReasonCode::ApplicationRejectedNoLegalBasis,
        "APPLICATION_REJECTED_NO_LEGAL_BASIS",
        "Relationship or legal basis not proven",
    ),
    (ReasonCode::Other, "OTHER", "Other reason"),
];

/// Names from before version 1.26 that only changed their spelling. The two that were removed,
/// `ROLE_DEACTIVATED_FAMILIAL_REASON` and `APPLICATION_REJECTED_COERCION`, have no successor: mapping them to
/// another code would change the sender's statement.
const FORMER_NAMES: [(&str, ReasonCode); 3] = [
    ("ROLE_DEACTIVATED_PROXY_ABROAD", ReasonCode::RoleDeactivatedProxyNotLivingInEnglandOrWales),
    ("APPLICATION_REJECTED_PROXY_ABROAD", ReasonCode::ApplicationRejectedProxyNotLivingInEnglandOrWales),
    ("ROLE_DEACTIVATED_SYSTEM_MISUSE", ReasonCode::RoleDeactivatedMisuseOfSystem),
];

impl ReasonCode {
    /// Every code, in the order of the contract.
    pub fn all() -> impl Iterator<Item = Self> {
        CATALOGUE.iter().map(|(reason, _, _)| *reason)
    }

    /// The code on the wire and in the store.
    pub fn code(self) -> &'static str {
        self.row().1
    }

    /// The display text.
    pub fn display(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (Self, &'static str, &'static str) {
        let row = CATALOGUE.iter().find(|(reason, _, _)| *reason == self);
        row.copied().unwrap_or((self, "OTHER", "Other reason"))
    }

    /// Parses a current code.
    pub fn parse(code: &str) -> Option<Self> {
        CATALOGUE.iter().find(|(_, name, _)| *name == code).map(|(reason, _, _)| *reason)
    }

    /// Parses a current code, or a name from before version 1.26.
    pub fn parse_relaxed(code: &str) -> Option<Self> {
        let former = || FORMER_NAMES.iter().find(|(name, _)| *name == code).map(|(_, reason)| *reason);
        Self::parse(code).or_else(former)
    }
}

/// A reason, with its free text and its giver. Equality ignores the giver.
#[derive(Clone, Debug)]
pub struct StatusReason {
    code: ReasonCode,
    text: Option<String>,
    given_by: Option<NhsNumber>,
}

impl PartialEq for StatusReason {
    fn eq(&self, other: &Self) -> bool {
        (self.code, &self.text) == (other.code, &other.text)
    }
}

impl Eq for StatusReason {}

/// OTHER without text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reason OTHER needs text")]
pub struct MissingText;

impl StatusReason {
    /// A reason with optional free text; blank text counts as none.
    ///
    /// # Errors
    ///
    /// [`MissingText`] when the code is OTHER and there is no text.
    pub fn new(code: ReasonCode, text: Option<String>) -> Result<Self, MissingText> {
        let text = text.filter(|text| !text.trim().is_empty());
        if code == ReasonCode::Other && text.is_none() {
            Err(MissingText)
        } else {
            Ok(Self { code, text, given_by: None })
        }
    }

    /// A reason that the service itself gives, without text.
    pub(crate) const fn of_service(code: ReasonCode) -> Self {
        Self { code, text: None, given_by: None }
    }

    /// The reason that the service itself gives when a role's end has passed.
    pub const END_DATE_REACHED: Self = Self::of_service(ReasonCode::RoleDeactivatedEndDateReached);

    /// The reason that the service itself gives when a role was not used for long.
    pub const NOT_USED: Self = Self::of_service(ReasonCode::RoleDeactivatedInactiveRole);

    /// The reason that the service itself gives when the patient has died.
    pub const PATIENT_DECEASED: Self = Self::of_service(ReasonCode::RoleDeactivatedPatientDeceased);

    /// The reason that the service itself gives when the proxy has died.
    pub const PROXY_DECEASED: Self = Self::of_service(ReasonCode::RoleDeactivatedProxyDeceased);

    /// A reason that the service itself gives as text, where no code fits.
    #[must_use]
    pub fn in_words(text: &'static str) -> Self {
        Self { text: Some(text.to_owned()), ..Self::of_service(ReasonCode::Other) }
    }

    /// The same reason, given by this citizen; `None` for a system, staff or the service.
    #[must_use]
    pub fn given_by(self, citizen: Option<NhsNumber>) -> Self {
        Self { given_by: citizen, ..self }
    }

    /// The citizen who gave the reason.
    pub const fn giver(&self) -> Option<NhsNumber> {
        self.given_by
    }

    /// The code.
    pub const fn code(&self) -> ReasonCode {
        self.code
    }

    /// The free text.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::{MissingText, ReasonCode, StatusReason};

    #[test]
    fn every_status_reason_code_is_unique_and_round_trips() {
        for reason in ReasonCode::all() {
            assert_eq!(ReasonCode::parse(reason.code()), Some(reason));
            assert_eq!(ReasonCode::all().filter(|other| other.code() == reason.code()).count(), 1);
        }
        assert_eq!(ReasonCode::all().count(), 27);
    }

    #[test]
    fn former_status_reason_names_are_accepted_only_when_relaxed() {
        let abroad = "ROLE_DEACTIVATED_PROXY_ABROAD";
        assert_eq!(ReasonCode::parse(abroad), None);
        let now = ReasonCode::RoleDeactivatedProxyNotLivingInEnglandOrWales;
        assert_eq!(ReasonCode::parse_relaxed(abroad), Some(now));
        assert_eq!(ReasonCode::parse_relaxed("APPLICATION_REJECTED_COERCION"), None);
    }

    #[test]
    fn status_reason_other_requires_text() {
        assert_eq!(StatusReason::new(ReasonCode::Other, None), Err(MissingText));
        assert_eq!(StatusReason::new(ReasonCode::Other, Some("  ".into())), Err(MissingText));
        assert!(StatusReason::new(ReasonCode::Other, Some("moved".into())).is_ok());
        assert_eq!(StatusReason::new(ReasonCode::RoleCreated, None).unwrap().text(), None);
    }
}
