//! What a token is worth now (RFC 7662, LA-10): for API producers, who may ask about every app's.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::Data;
use serde_json::{Map, Value, json};

use crate::client::request::ClientRequest;
use crate::form::Form;
use crate::problem::Problem;
use crate::state::authority;
use ::web::error::ApiError as _;
use ::web::gate::Gate;
use ::web::record;
use base::error::Error;
use domain::account::claims::AccessClaims;
use domain::account::{Registration, Who};
use domain::audit::{Access, Act, Actor, People};
use service::account::introspect;

/// What is told, and whose token it is.
pub(super) struct Told {
    answer: Value,
    /// Of which two people it is, where it is worth anything.
    pub(super) people: People,
}

/// `POST`: the live truth, or that the token is worth nothing, and then nothing else (§2.2).
pub(super) async fn introspect(gate: Data<Gate>, request: ClientRequest) -> Result<HttpResponse, Problem> {
    let ClientRequest { form, client, .. } = request;
    let result = answer(&gate, &client, &form).await;
    // A client that has not authenticated is told nothing, and leaves no record.
    let told = if client.authentication.is_confidential() {
        record_access(&gate, &client.client_id, result).await?
    } else {
        result?
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
    Ok(response.json(told.answer))
}

async fn answer(gate: &Gate, client: &Registration, form: &Form) -> Result<Told, Problem> {
    if !client.may_introspect || !client.authentication.is_confidential() {
        return Err(Problem::new(403, "unauthorized_client", "the app may not ask what tokens are worth"));
    }
    let token = form.need("token", "name the token")?;
    let nothing = || Told { answer: json!({ "active": false }), people: People::default() };
    Ok(told(gate, token).await?.unwrap_or_else(nothing))
}

async fn told(gate: &Gate, token: &str) -> Result<Option<Told>, Problem> {
    let now = gate.clock.now();
    let authority = authority(gate)?;
    if let Ok(claims) = authority.read_access_token(token, now) {
        let grant = claims.grant;
        let is_live = gate.store.read_one(move |tx| introspect::is_live(tx, grant, now)).await?;
        return Ok(if is_live { render(&claims) } else { None });
    }
    let refresh = token.to_owned();
    let found: Result<_, Error> =
        gate.store.read(move |tx| introspect::find_refresh_token(tx, &refresh, now)).await;
    let Some((token, grant)) = found? else { return Ok(None) };
    let mut answer = json!({
        "active": true,
        "token_type": "refresh_token",
        "scope": grant.scopes.to_string(),
        "client_id": grant.app,
        "exp": token.expires_at.min(grant.expires_at).timestamp(),
        "iss": authority.issuer(),
    });
    if let (Some(user), Some(answer)) = (grant.user, answer.as_object_mut()) {
        answer.insert("sub".to_owned(), user.to_string().into());
    }
    Ok(Some(Told { answer, people: People { patient: grant.patient, proxy: grant.proxy } }))
}

/// The claims as they are, and what RFC 7662 §2.2 adds.
fn render(claims: &AccessClaims) -> Option<Told> {
    let people = claims.caller().map_or_else(People::default, |caller| match caller.who {
        Who::Proxy { proxy, patient, .. } => People { patient: Some(patient), proxy: Some(proxy) },
        Who::Citizen { nhs_number, .. } => People { patient: Some(nhs_number), proxy: None },
        Who::Anyone | Who::Staff { .. } | Who::System { .. } | Who::Service => People::default(),
    });
    let Ok(Value::Object(claims)) = serde_json::to_value(claims) else { return None };
    let kind = if claims.contains_key("cnf") { "DPoP" } else { "Bearer" };
    let mut answer = Map::new();
    answer.insert("active".to_owned(), true.into());
    answer.insert("token_type".to_owned(), kind.into());
    answer.extend(claims);
    Some(Told { answer: Value::Object(answer), people })
}

/// What a producer was told of a token: of which two people it is, where it is worth anything.
async fn record_access(gate: &Gate, client_id: &str, result: Result<Told, Problem>) -> Result<Told, Problem> {
    let access = Access::new(Act::TokenIntrospected, Actor::app(client_id), gate.clock.now());
    let access = match &result {
        Ok(told) => access.about(told.people.patient, told.people.proxy),
        Err(problem) => access.ended(problem.outcome()),
    };
    record::answer(gate, vec![access], result).await
}
