//! The fixed URLs of this front. HL7's terminology is written as HL7 defines it, with `http://`.

/// The canonical base of what we define ourselves.
pub(crate) const OURS: &str = "https://fhir.onbehalf.org.uk/R4";
/// The system of NHS numbers.
pub(crate) const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";
/// The system of ODS codes.
pub(crate) const ODS_CODE: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
/// `Consent.scope`.
pub(crate) const CONSENT_SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
/// `Consent.category`.
pub(crate) const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
/// The unknown legal basis.
pub(crate) const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";
/// `Consent.provision.actor.role`.
pub(crate) const PARTICIPATION_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
/// `Consent.policy.authority`.
pub(crate) const POLICY_AUTHORITY: &str = "https://www.england.nhs.uk";
/// `Consent.policy.uri`: DAPB3051, identity verification and authentication.
pub(crate) const POLICY_URI: &str = "https://digital.nhs.uk/data-and-information/information-standards/governance/latest-activity/standards-and-collections/dapb3051-identity-verification-and-authentication-standard-for-digital-health-and-care-services";
/// Legal bases but for the unknown one.
pub(crate) const LEGAL_BASIS: &str = "https://fhir.nhs.uk/England/CodeSystem/England-NHSProxyLegalBasis";
/// The status reason extension.
pub(crate) const STATUS_REASON_EXTENSION: &str =
    "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-Consent-Status-Reason";
/// Status reasons.
pub(crate) const STATUS_REASON: &str = "https://fhir.nhs.uk/England/CodeSystem/England-ConsentStatusReason";
/// The grantor extension.
pub(crate) const GRANTOR_EXTENSION: &str =
    "https://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.grantor";
/// `Consent.status`.
pub(crate) const CONSENT_STATE: &str = "http://hl7.org/fhir/consent-state-codes";

/// The same URL as HL7 defines it, where it is one of HL7's terminology written with `https://`.
pub(crate) fn as_hl7_defines(url: &str) -> String {
    match url.strip_prefix("https://terminology.hl7.org/") {
        Some(rest) => format!("http://terminology.hl7.org/{rest}"),
        None => url.to_owned(),
    }
}
