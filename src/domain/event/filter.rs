//! The filters of a subscription on the events of a topic.

use crate::account::caller::Principal;
use crate::person::nhs_number::NhsNumber;
use crate::proxy::mask;
use crate::proxy::ods_code::OdsCode;
use crate::proxy::role_state::Status;
use crate::proxy::status_reason::StatusReason;

/// The parameters that a filter can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FilterName {
    /// The patient, by NHS number.
    Patient,
    /// The proxy, by NHS number.
    Proxy,
    /// The status: of a role, a relationship (`active` or `inactive`), or an access request.
    Status,
    /// The status reason of a role, by code.
    StatusReason,
    /// The legal basis of a role, by code.
    LegalBasis,
    /// The practice where the patient is registered, by ODS code.
    PatientPractice,
    /// The practice where the proxy is registered, by ODS code.
    ProxyPractice,
    /// The practice where either is registered (`generalpractitioner` of the national style).
    Practice,
    /// The organisation that authorised a role, by ODS code.
    Grantor,
}

impl FilterName {
    /// Every name.
    pub const ALL: [Self; 9] = [
        Self::Patient,
        Self::Proxy,
        Self::Status,
        Self::StatusReason,
        Self::LegalBasis,
        Self::PatientPractice,
        Self::ProxyPractice,
        Self::Practice,
        Self::Grantor,
    ];

    /// The name in subscriptions and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Proxy => "proxy",
            Self::Status => "status",
            Self::StatusReason => "status-reason",
            Self::LegalBasis => "legal-basis",
            Self::PatientPractice => "patient-practice",
            Self::ProxyPractice => "proxy-practice",
            Self::Practice => "practice",
            Self::Grantor => "grantor",
        }
    }

    /// Parses a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// One filter: any of these values matches. All filters of a subscription must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// The parameter.
    pub name: FilterName,
    /// The values, each in its plain form: an NHS number, a code, an ODS code in capitals.
    pub values: Vec<String>,
}

/// The status reason of a role, with the status that it explains.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of Role")]
pub struct ReasonOfRole {
    pub status: Status,
    pub reason: StatusReason,
}

/// What filters are evaluated against: the subject of an event in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of FilterName")]
pub struct Facts {
    pub patient: NhsNumber,
    pub proxy: NhsNumber,
    pub status: Option<String>,
    pub status_reason: Option<ReasonOfRole>,
    /// The applicant of an access request.
    pub applicant: Option<NhsNumber>,
    pub legal_basis: Option<String>,
    pub grantor: Option<OdsCode>,
    pub patient_practice: Option<OdsCode>,
    pub proxy_practice: Option<OdsCode>,
}

impl Facts {
    /// Facts with these two people only.
    pub const fn of(patient: NhsNumber, proxy: NhsNumber) -> Self {
        Self {
            patient,
            proxy,
            status: None,
            status_reason: None,
            applicant: None,
            legal_basis: None,
            grantor: None,
            patient_practice: None,
            proxy_practice: None,
        }
    }

    /// The facts that filters of this caller's subscription may use: receiving an event reveals that it
    /// matched. So for a citizen's subscription the practices of other people are unknown, and reasons are
    /// those shown to them where they are masked.
    #[must_use]
    pub fn known_to(self, principal: &Principal, masks_reasons: bool) -> Self {
        let Some(citizen) = principal.user() else { return self };
        let masked = |ReasonOfRole { status, reason }| ReasonOfRole {
            status,
            reason: mask::masked(status, reason, citizen),
        };
        Self {
            status_reason: self.status_reason.map(|it| if masks_reasons { masked(it) } else { it }),
            patient_practice: self.patient_practice.filter(|_| self.patient == citizen),
            proxy_practice: self.proxy_practice.filter(|_| self.proxy == citizen),
            ..self
        }
    }

    /// The facts with this status.
    #[must_use]
    pub fn with_status(self, status: &str) -> Self {
        Self { status: Some(status.to_owned()), ..self }
    }
}

impl SubscriptionFilter {
    /// Whether these facts match the filter.
    pub fn matches(&self, facts: &Facts) -> bool {
        let any = |value: Option<&str>| value.is_some_and(|value| self.values.iter().any(|one| one == value));
        let ods = |code: &Option<OdsCode>| any(code.as_ref().map(OdsCode::as_str));
        match self.name {
            FilterName::Patient => any(Some(facts.patient.as_str())),
            FilterName::Proxy => any(Some(facts.proxy.as_str())),
            FilterName::Status => any(facts.status.as_deref()),
            FilterName::StatusReason => any(facts.status_reason.as_ref().map(|it| it.reason.code().code())),
            FilterName::LegalBasis => any(facts.legal_basis.as_deref()),
            FilterName::PatientPractice => ods(&facts.patient_practice),
            FilterName::ProxyPractice => ods(&facts.proxy_practice),
            FilterName::Practice => ods(&facts.patient_practice) || ods(&facts.proxy_practice),
            FilterName::Grantor => ods(&facts.grantor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, FilterName, SubscriptionFilter};
    use crate::person::nhs_number::{NhsNumber, NumberCheck};
    use crate::proxy::ods_code::OdsCode;

    fn facts() -> Facts {
        let number = |text| NhsNumber::parse(text, NumberCheck::Length).unwrap();
        Facts {
            patient: number("9000000009"),
            proxy: number("9000000017"),
            status: Some("active".to_owned()),
            status_reason: None,
            applicant: None,
            legal_basis: None,
            grantor: None,
            patient_practice: OdsCode::parse("Y12345").ok(),
            proxy_practice: OdsCode::parse("A20047").ok(),
        }
    }

    fn matches(name: FilterName, values: &[&str]) -> bool {
        SubscriptionFilter { name, values: values.iter().map(ToString::to_string).collect() }
            .matches(&facts())
    }

    #[test]
    fn event_filter_matches_any_of_its_values_and_never_an_absent_value() {
        assert!(matches(FilterName::Status, &["inactive", "active"]));
        assert!(!matches(FilterName::Status, &["inactive"]));
        assert!(
            matches(FilterName::Patient, &["9000000009"]) && !matches(FilterName::Proxy, &["9000000009"])
        );
        assert!(!matches(FilterName::Grantor, &["Y12345"]) && !matches(FilterName::LegalBasis, &[""]));
        assert!(matches(FilterName::Practice, &["A20047"]) && matches(FilterName::Practice, &["Y12345"]));
        assert!(!matches(FilterName::PatientPractice, &["A20047"]));
        assert!(FilterName::ALL.into_iter().all(|name| FilterName::parse(name.as_str()) == Some(name)));
    }
}
