//! Introspection (RFC 7662, LA-10): for API producers, which may introspect the tokens of every app.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::Data;
use serde_json::{Map, Value, json};

use crate::client::request::ClientRequest;
use crate::form::Form;
use crate::launch;
use crate::problem::OAuthError;
use crate::state::authority;
use ::web::error::ApiError as _;
use ::web::gate::Gate;
use ::web::record;
use base::error::Error;
use domain::account::claims::AccessClaims;
use domain::account::{Grant, IntrospectionSubject, Principal, RefreshToken, Registration};
use domain::audit::{Access, Act, Actor, People};
use service::account::introspect;
use service::authority::Authority;

/// The response, and the people of the token.
pub(super) struct IntrospectionResponse {
    answer: Value,
    /// The two people of the token, if it is active.
    pub(super) people: People,
}

/// `POST`: the current state of a token, or only that it is not active (§2.2).
pub(super) async fn introspect(gate: Data<Gate>, request: ClientRequest) -> Result<HttpResponse, OAuthError> {
    let ClientRequest { form, client, request_id, .. } = request;
    let result = answer(&gate, &client, &form).await;
    // An unauthenticated client gets no response, and leaves no audit record.
    let introspection = if client.authentication.is_confidential() {
        record_access(&gate, (&client.client_id, request_id), result).await?
    } else {
        result?
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
    Ok(response.json(introspection.answer))
}

async fn answer(
    gate: &Gate,
    client: &Registration,
    form: &Form,
) -> Result<IntrospectionResponse, OAuthError> {
    if !client.may_introspect || !client.authentication.is_confidential() {
        return Err(OAuthError::new(
            403,
            "unauthorized_client",
            "the app is not registered for introspection",
        ));
    }
    let token = form.need("token", "token is required")?;
    let nothing = || IntrospectionResponse { answer: json!({ "active": false }), people: People::default() };
    Ok(introspection(gate, token, client.introspection_subject).await?.unwrap_or_else(nothing))
}

async fn introspection(
    gate: &Gate,
    token: &str,
    subject: IntrospectionSubject,
) -> Result<Option<IntrospectionResponse>, OAuthError> {
    let now = gate.clock.now();
    let authority = authority(gate)?;
    if let Ok(claims) = authority.read_access_token(token, now) {
        return access_token(gate, authority, AccessClaims::clone(&claims), subject).await;
    }
    let refresh = token.to_owned();
    let found: Result<_, Error> =
        gate.store.read(move |tx| introspect::find_refresh_token(tx, &refresh, now)).await;
    let found = found?;
    Ok(found.map(|(token, grant)| refresh_token(authority, &token, &grant, subject)))
}

/// The claims of an access token, and the members that RFC 7662 §2.2 and the launch add.
async fn access_token(
    gate: &Gate,
    authority: &Authority,
    mut claims: AccessClaims,
    subject: IntrospectionSubject,
) -> Result<Option<IntrospectionResponse>, OAuthError> {
    let (now, id) = (gate.clock.now(), claims.grant);
    let people = people(&claims);
    match subject {
        IntrospectionSubject::Account => {
            let is_live: Result<_, Error> =
                gate.store.read_one(move |tx| introspect::is_live(tx, id, now)).await;
            if !is_live? {
                return Ok(None);
            }
        }
        IntrospectionSubject::User => {
            let grant: Result<_, Error> =
                gate.store.read(move |tx| introspect::find_live_grant(tx, id, now)).await;
            let Some(grant) = grant? else { return Ok(None) };
            claims.sub = grant.user.map_or(claims.sub, |user| user.to_string());
        }
    }
    let context = launch::context(authority, claims.patient.as_deref());
    let Ok(Value::Object(claims)) = serde_json::to_value(claims) else { return Ok(None) };
    let kind = if claims.contains_key("cnf") { "DPoP" } else { "Bearer" };
    let mut answer = Map::new();
    answer.insert("active".to_owned(), true.into());
    answer.insert("token_type".to_owned(), kind.into());
    answer.extend(claims);
    answer.extend(context.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(Some(IntrospectionResponse { answer: Value::Object(answer), people }))
}

/// The two people of a token.
fn people(claims: &AccessClaims) -> People {
    claims.caller().map_or_else(People::default, |caller| match caller.principal {
        Principal::Proxy { proxy, patient, .. } => People { patient: Some(patient), proxy: Some(proxy) },
        Principal::Citizen { nhs_number, .. } => People { patient: Some(nhs_number), proxy: None },
        Principal::Anyone | Principal::Staff { .. } | Principal::System { .. } | Principal::Service => {
            People::default()
        }
    })
}

/// The response for a refresh token: as for an access token with all granted scopes.
fn refresh_token(
    authority: &Authority,
    token: &RefreshToken,
    grant: &Grant,
    subject: IntrospectionSubject,
) -> IntrospectionResponse {
    let user = grant.user.filter(|_| subject == IntrospectionSubject::User);
    let mut answer = json!({
        "active": true,
        "token_type": "refresh_token",
        "scope": grant.scopes.to_string(),
        "client_id": grant.app,
        "exp": token.expires_at.min(grant.expires_at).timestamp(),
        "iss": authority.issuer(),
        "sub": user.map_or_else(|| launch::subject(grant), |user| user.to_string()),
    });
    if let Some(answer) = answer.as_object_mut() {
        let patient = launch::patient(grant, &grant.scopes);
        let context = launch::context(authority, patient.as_deref());
        answer.extend(context.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let optional = [
            ("fhirUser", launch::fhir_user(authority, grant, &grant.scopes).map(Value::from)),
            ("act", launch::actor(authority, grant).map(|actor| json!(actor))),
        ];
        for (name, value) in optional {
            answer.extend(value.map(|value| (name.to_owned(), value)));
        }
    }
    IntrospectionResponse { answer, people: People { patient: grant.patient, proxy: grant.proxy } }
}

/// The access record of an introspection, with the two people of an active token.
async fn record_access(
    gate: &Gate,
    (client_id, request_id): (&str, Option<String>),
    result: Result<IntrospectionResponse, OAuthError>,
) -> Result<IntrospectionResponse, OAuthError> {
    let actor = Actor { request_id, ..Actor::app(client_id) };
    let access = Access::new(Act::TokenIntrospected, actor, gate.clock.now());
    let access = match &result {
        Ok(introspection) => access.about(introspection.people.patient, introspection.people.proxy),
        Err(problem) => access.ended(problem.outcome()),
    };
    record::answer(gate, vec![access], result).await
}
