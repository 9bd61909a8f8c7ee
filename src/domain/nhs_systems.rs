//! The national URLs of the contract (§4), which every API writes alike. HL7's own are written by each API in
//! its way.

/// The system of NHS numbers.
pub const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";
/// The system of ODS codes.
pub const ODS_CODE: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
/// `Consent.policy.authority`.
pub const POLICY_AUTHORITY: &str = "https://www.england.nhs.uk";
/// `Consent.policy.uri`: DAPB3051, identity verification and authentication.
pub const POLICY_URI: &str = "https://digital.nhs.uk/data-and-information/information-standards/governance/latest-activity/standards-and-collections/dapb3051-identity-verification-and-authentication-standard-for-digital-health-and-care-services";
/// The code system of every legal basis but `UNK`.
pub const LEGAL_BASIS: &str = "https://fhir.nhs.uk/England/CodeSystem/England-NHSProxyLegalBasis";
/// The status reason extension.
pub const STATUS_REASON_EXTENSION: &str =
    "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-Consent-Status-Reason";
/// The code system of status reasons.
pub const STATUS_REASON: &str = "https://fhir.nhs.uk/England/CodeSystem/England-ConsentStatusReason";
/// The grantor extension.
pub const GRANTOR_EXTENSION: &str = "https://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.grantor";
/// The code system of identity proofing levels.
pub const IDENTITY_PROOFING: &str = "https://fhir.nhs.uk/England/CodeSystem/England-NHSIdentityProofingLevel";
