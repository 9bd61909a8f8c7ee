//! The fixed URLs of this API. HL7's terminology URLs begin with `http://`, as HL7 defines them.

use std::borrow::Cow;

use base::uri;
pub(crate) use domain::nhs_systems::{
    GRANTOR_EXTENSION, LEGAL_BASIS, NHS_NUMBER, ODS_CODE, POLICY_AUTHORITY, POLICY_URI, STATUS_REASON,
    STATUS_REASON_EXTENSION,
};

/// The canonical base of this server's own definitions.
pub(crate) const OURS: &str = "https://fhir.onbehalf.org.uk/R4";
/// The identifier system of staff and systems, as in the audit record.
pub(crate) const CALLER: &str = "https://fhir.onbehalf.org.uk/Id/caller";
/// The `client_id` of an app.
pub(crate) const APP: &str = "https://fhir.onbehalf.org.uk/Id/client-id";
/// The review mark of a role.
pub(crate) const ROLE_REVIEW: &str = "https://fhir.onbehalf.org.uk/R4/CodeSystem/role-review";
/// The acts of the service that HL7 defines no code for.
pub(crate) const ACCOUNT_ACT: &str = "https://fhir.onbehalf.org.uk/R4/CodeSystem/account-act";
/// `Consent.scope`.
pub(crate) const CONSENT_SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
/// `Consent.category`.
pub(crate) const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
/// The unknown legal basis.
pub(crate) const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";
/// `Consent.provision.actor.role`.
pub(crate) const PARTICIPATION_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
/// `Consent.status`.
pub(crate) const CONSENT_STATE: &str = "http://hl7.org/fhir/consent-state-codes";

/// A path, or a relative reference, without unnecessary percent-encoding: some clients encode the `$` of an
/// operation, or the `*` of a compartment, or more.
pub(crate) fn normal(path: &str) -> Cow<'_, str> {
    uri::normal_path(path, &['$', '*'])
}

/// The same URL as HL7 defines it, if it is HL7 terminology written with `https://`.
pub(crate) fn as_hl7_defines(url: &str) -> Cow<'_, str> {
    match url.strip_prefix("https://terminology.hl7.org/") {
        Some(rest) => format!("http://terminology.hl7.org/{rest}").into(),
        None => url.into(),
    }
}
