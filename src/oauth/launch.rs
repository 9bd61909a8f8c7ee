//! The subject and the launch context of a token, for the token response, the access token and introspection
//! alike (SMART App Launch 2.2, "Launch context arrives with your access token" and "Token Introspection"):
//! one place, so that they cannot differ.

use serde_json::Value;

use domain::account::claims::ActorClaim;
use domain::account::{AccessMode, Grant, NamedScope, ScopeContext, Scopes, endpoints};
use service::authority::Authority;

/// The subject of a grant: for a citizen the NHS number, for a proxy the patient's NHS number; for staff the
/// user id; for a system its `client_id`.
pub(super) fn subject(grant: &Grant) -> String {
    let subject = match grant.mode {
        AccessMode::Citizen => grant.patient.map(|number| number.to_string()),
        AccessMode::Staff => grant.staff.clone(),
        AccessMode::System => None,
    };
    subject.unwrap_or_else(|| grant.app.clone())
}

/// The proxy who acts for the subject (RFC 8693 §4.1).
pub(super) fn actor(authority: &Authority, grant: &Grant) -> Option<ActorClaim> {
    let proxy = grant.proxy?;
    Some(ActorClaim { sub: proxy.to_string(), iss: Some(authority.issuer().to_owned()) })
}

/// The patient of the launch, as a Patient id: with every token that reads as this patient, even after a
/// refresh without `launch/patient`.
pub(super) fn patient(grant: &Grant, scopes: &Scopes) -> Option<String> {
    let is_launch = scopes.has(NamedScope::LaunchPatient)
        || grant.role.is_some()
        || scopes.resources().any(|scope| scope.context == ScopeContext::Patient);
    grant.patient.filter(|_| is_launch).map(|number| number.to_string())
}

/// The URL of the user (`fhirUser`), if the app has the scope.
pub(super) fn fhir_user(authority: &Authority, grant: &Grant, scopes: &Scopes) -> Option<String> {
    let is_given = scopes.has(NamedScope::FhirUser) || scopes.has(NamedScope::Profile);
    let user = grant.fhir_user.as_ref().filter(|_| is_given)?;
    Some(format!("{}/{user}", authority.url(endpoints::FHIR_BASE)))
}

/// The launch context of a token of this patient. A parameter that is added here is in every response.
pub(super) fn context(authority: &Authority, patient: Option<&str>) -> Vec<(&'static str, Value)> {
    let Some(patient) = patient else { return Vec::new() };
    vec![
        ("patient", patient.into()),
        // The app is not embedded in a page that would name the patient.
        ("need_patient_banner", true.into()),
        ("smart_style_url", authority.url(endpoints::STYLE).into()),
    ]
}
