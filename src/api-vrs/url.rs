//! The fixed URLs of the contract (§4).

pub(crate) use domain::nhs_systems::{
    GRANTOR_EXTENSION, IDENTITY_PROOFING, LEGAL_BASIS, NHS_NUMBER, ODS_CODE, POLICY_AUTHORITY, POLICY_URI,
    STATUS_REASON, STATUS_REASON_EXTENSION,
};

/// `Consent.scope`. HL7's own canonical begins with `http://`; the contract writes `https://`.
pub(crate) const CONSENT_SCOPE: &str = "https://terminology.hl7.org/CodeSystem/consentscope";
/// `Consent.category`.
pub(crate) const ACT_CODE: &str = "https://terminology.hl7.org/CodeSystem/v3-ActCode";
/// The code system of an unknown legal basis.
pub(crate) const NULL_FLAVOR: &str = "https://terminology.hl7.org/CodeSystem/v3-NullFlavor";
/// `Consent.provision.actor.role`.
pub(crate) const PARTICIPATION_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
/// The system of error codes.
pub(crate) const ERROR_CODE: &str =
    "https://fhir.nhs.uk/R4/CodeSystem/ValidatedRelationships-ErrorOrWarningCode";
/// The system of error codes that `GET /QuestionnaireResponse/{id}` inherits from an older service.
pub(crate) const SPINE_ERROR_CODE: &str = "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1";

/// Whether two URLs name the same code system: those of HL7 are written with `http://` or `https://`.
pub(crate) fn is_same_system(given: &str, expected: &str) -> bool {
    let place = |url: &str| url.strip_prefix("https://").or(url.strip_prefix("http://")).map(str::to_owned);
    given == expected || (expected.contains("//terminology.hl7.org/") && place(given) == place(expected))
}

#[cfg(test)]
mod tests {
    use super::{CONSENT_SCOPE, LEGAL_BASIS, is_same_system};

    #[test]
    fn only_hl7_systems_have_two_schemes() {
        assert!(is_same_system("http://terminology.hl7.org/CodeSystem/consentscope", CONSENT_SCOPE));
        assert!(is_same_system(CONSENT_SCOPE, CONSENT_SCOPE));
        assert!(!is_same_system(&LEGAL_BASIS.replace("https", "http"), LEGAL_BASIS));
        assert!(!is_same_system("ftp://terminology.hl7.org/CodeSystem/consentscope", CONSENT_SCOPE));
    }
}
