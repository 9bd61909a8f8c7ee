//! Authorization requests that an app leaves here itself, so that no browser carries them (RFC 9126).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use serde_json::json;

use crate::client;
use crate::client::request::ClientRequest;
use crate::form::Form;
use crate::problem::Problem;
use ::web::gate::Gate;
use base::token::{digest, new_secret};
use domain::account::{GrantType, Registration, Scopes};
use service::account::TokenError;
use store::Old;

/// What a `request_uri` of ours begins with (RFC 9126 §2.2).
pub(crate) const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// How long one is good.
const LIFE: TimeDelta = TimeDelta::seconds(60);
/// What is kept of a request: what the authorization endpoint reads.
const KEPT: [&str; 13] = [
    "response_type",
    "response_mode",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "aud",
    "resource",
    "prompt",
    "launch",
    "dpop_jkt",
];
/// How many requests that are over are removed with each new one.
const SWEPT: i64 = 20;

/// `POST`: keeps the request, and answers the name by which the browser brings it.
pub(super) async fn push(
    gate: Data<Gate>,
    http: HttpRequest,
    request: ClientRequest,
) -> Result<HttpResponse, Problem> {
    let ClientRequest { form, client, .. } = request;
    check(&form, &client)?;
    let proof = client::proved_key(&gate, &http)?;
    let parameters = parameters(&form, &client, proof.as_ref().map(|proof| proof.jkt.as_str()))?;
    let request_uri = format!("{PREFIX}{}", new_secret()?);
    let (key, now) = (digest(&request_uri), gate.clock.now());
    let kept: Result<(), TokenError> = gate
        .store
        .write(move |tx| {
            tx.delete_old(Old::PushedRequests, now + TimeDelta::milliseconds(1), SWEPT)?;
            tx.insert_pushed_request(&key, &client.client_id, &parameters, now + LIFE)?;
            match proof {
                Some(proof) if !proof.spend(tx)? => Err(TokenError::Proof(client::BAD_PROOF)),
                Some(_) | None => Ok(()),
            }
        })
        .await;
    kept?;
    let told = json!({ "request_uri": request_uri, "expires_in": LIFE.num_seconds() });
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(told))
}

/// What can be told now already; the authorization endpoint checks it all again.
fn check(form: &Form, client: &Registration) -> Result<(), Problem> {
    if form.get("request_uri").is_some() || form.get("request").is_some() {
        return Err(Problem::invalid("a request that is left here names no other"));
    }
    if !client.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(Problem::new(400, "unauthorized_client", "the app is not registered for codes"));
    }
    if form.get("response_type") != Some("code") {
        return Err(Problem::new(400, "unsupported_response_type", "response_type must be code"));
    }
    let is_known = |uri: &str| client.redirect_uris.iter().any(|known| known == uri);
    if !form.get("redirect_uri").is_some_and(is_known) {
        return Err(Problem::invalid("redirect_uri must be one that is registered, letter by letter"));
    }
    let is_challenge = |text: &str| {
        text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if form.get("code_challenge_method") != Some("S256")
        || !form.get("code_challenge").is_some_and(is_challenge)
    {
        return Err(Problem::invalid("PKCE is needed: a code_challenge with code_challenge_method S256"));
    }
    let Ok(scopes) = Scopes::parse(form.get("scope").unwrap_or_default()) else {
        return Err(Problem::new(400, "invalid_scope", "a scope over resources is not written as one"));
    };
    if !scopes.fit_a_token() {
        let told = "a token has at most fifty scopes over resources: ask for fewer";
        return Err(Problem::new(400, "invalid_scope", told));
    }
    Ok(())
}

/// What is kept: whose request it is, and the key of a proof that came with it (RFC 9449 §10.1).
fn parameters(form: &Form, client: &Registration, jkt: Option<&str>) -> Result<String, Problem> {
    let mut kept = KEPT.to_vec();
    let mut added = form_urlencoded::Serializer::new(String::new());
    added.append_pair("client_id", &client.client_id);
    if let Some(jkt) = jkt {
        if form.get("dpop_jkt").is_some_and(|named| named != jkt) {
            return Err(Problem::new(400, "invalid_dpop_proof", "dpop_jkt is not the key of the proof"));
        }
        kept.retain(|name| *name != "dpop_jkt");
        added.append_pair("dpop_jkt", jkt);
    }
    Ok(format!("{}&{}", added.finish(), form.only(&kept)))
}
