//! The userinfo endpoint (OpenID Connect Core §5.3; with the national proxy service's `delegations`).

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::Data;
use serde_json::{Map, Value, json};

use crate::problem::OAuthError;
use crate::state::authority;
use ::web::caller::Authenticated;
use ::web::error::ApiError as _;
use ::web::gate::Gate;
use ::web::record;
use base::error::Error;
use domain::account::{Caller, Grant, NamedScope, Principal, Proofing, Scopes, endpoints};
use domain::audit::{Access, Act, Actor};
use domain::person::NhsNumber;
use service::access::check_live;
use service::account::delegations::{DelegationOf, delegations};
use service::account::scopes_of;
use store::Lane;

/// The response, and the patients in it.
pub(super) struct UserinfoResponse {
    claims: Map<String, Value>,
    /// The patients whom the user may act for.
    pub(super) patients: Vec<NhsNumber>,
}

/// `GET` and `POST`: for a token of a user for themselves, with the scope `openid`.
pub(super) async fn userinfo(
    gate: Data<Gate>,
    caller: Authenticated<OAuthError>,
) -> Result<HttpResponse, OAuthError> {
    let caller = caller.into_inner();
    let (actor, own) = (Actor::of(&caller), caller.principal.user());
    let result = tell(&gate, caller).await;
    let answer = record_access(&gate, actor, own, result).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
    Ok(response.json(answer.claims))
}

async fn tell(gate: &Gate, caller: Caller) -> Result<UserinfoResponse, OAuthError> {
    let scopes = scopes_of(&caller.granted_scopes);
    let Some(grant) = caller.grant else {
        return Err(OAuthError::bearer(401, "Bearer", Some("invalid_token")));
    };
    if !scopes.has(NamedScope::OpenId) {
        return Err(OAuthError::bearer(403, "Bearer", Some("insufficient_scope")));
    }
    let now = gate.clock.now();
    let proxy = match &caller.principal {
        Principal::Citizen { nhs_number, proofing: Proofing::P9 } => {
            Some(*nhs_number).filter(|_| scopes.has(NamedScope::Delegation))
        }
        Principal::Citizen { .. }
        | Principal::Anyone
        | Principal::Proxy { .. }
        | Principal::Staff { .. }
        | Principal::System { .. }
        | Principal::Service => None,
    };
    let read: Result<_, Error> = gate
        .store
        .read_in(Lane::Brief, move |tx| {
            check_live(tx, &caller, now)?;
            let known = proxy.map(|proxy| delegations(tx, proxy, now)).transpose()?;
            Ok((tx.find_grant(grant)?, known))
        })
        .await;
    let (Some(grant), known) = read? else {
        return Err(OAuthError::bearer(401, "Bearer", Some("invalid_token")));
    };
    let base = format!("{}{}", authority(gate)?.issuer(), endpoints::FHIR_BASE);
    let mut claims = claims(&grant, &scopes, &base);
    let known = known.unwrap_or_default();
    if scopes.has(NamedScope::Delegation) {
        claims.insert("delegations".to_owned(), known.iter().map(delegation).collect());
    }
    Ok(UserinfoResponse { claims, patients: known.iter().map(|of| of.role.patient).collect() })
}

/// The claims that the id token has too, and the NHS number if the app may have it.
fn claims(grant: &Grant, scopes: &Scopes, base: &str) -> Map<String, Value> {
    let mut answer = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            answer.insert(name.to_owned(), value);
        }
    };
    add("sub", grant.user.map(|user| user.to_string().into()));
    let is_known = scopes.has(NamedScope::FhirUser) || scopes.has(NamedScope::Profile);
    let fhir_user = grant.fhir_user.as_ref().filter(|_| is_known);
    add("fhirUser", fhir_user.map(|user| format!("{base}/{user}").into()));
    let own = grant.proxy.or(grant.patient);
    let is_named = scopes.has(NamedScope::Profile) || scopes.has(NamedScope::Delegation);
    add("nhs_number", own.filter(|_| is_named).map(|number| number.to_string().into()));
    add("identity_proofing_level", grant.vot.as_ref().map(|vot| vot.proofing.as_str().into()));
    answer
}

/// One patient whom the user may act for.
fn delegation(of: &DelegationOf) -> Value {
    let mut patient = json!({ "nhs_number": of.role.patient.to_string() });
    let name = of.patient.as_ref().and_then(|person| person.names.first());
    if let (Some(name), Some(patient)) = (name, patient.as_object_mut()) {
        patient.insert("given_name".to_owned(), name.given.join(" ").into());
        patient.insert("family_name".to_owned(), name.family.clone().into());
    }
    let basis = of.role.legal_basis;
    let mut answer = json!({
        "consent": format!("Consent/{}", of.role.id),
        "patient": patient,
        "legal_basis": { "code": basis.code(), "display": basis.display() },
    });
    let Some(members) = answer.as_object_mut() else { return answer };
    if let Some(code) = of.relationship.as_ref().and_then(|relationship| relationship.codes.first()) {
        let coding = json!({ "system": code.system, "code": code.code, "display": code.display });
        members.insert("relationship".to_owned(), coding);
    }
    if let Some(end) = &of.role.period.end {
        members.insert("end".to_owned(), end.text().into());
    }
    answer
}

/// The access record of a userinfo response: the citizen, and the patients whom they may act for.
pub(super) async fn record_access(
    gate: &Gate,
    actor: Actor,
    own: Option<NhsNumber>,
    result: Result<UserinfoResponse, OAuthError>,
) -> Result<UserinfoResponse, OAuthError> {
    let access = Access::new(Act::UserInfoRead, actor, gate.clock.now());
    let access = match &result {
        Ok(answer) => {
            let own_data = own.filter(|_| answer.patients.is_empty());
            let access = if own_data.is_some() { access.about(own_data, None) } else { access };
            answer.patients.iter().fold(access, |access, patient| access.about(Some(*patient), own))
        }
        Err(problem) => access.ended(problem.outcome()),
    };
    record::answer(gate, vec![access], result).await
}
