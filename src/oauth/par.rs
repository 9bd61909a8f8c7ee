//! Pushed authorization requests (RFC 9126): the app sends the parameters itself, so that no browser carries
//! them.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use serde_json::json;

use crate::client;
use crate::client::request::ClientRequest;
use crate::form::Form;
use crate::problem::OAuthError;
use ::web::gate::Gate;
use base::token::{digest, new_secret};
use domain::account::{GrantType, Registration, Scopes};
use service::account::TokenError;
use store::RetentionPolicy;

/// The prefix of a `request_uri` of this server (RFC 9126 §2.2).
pub(crate) const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// The life of a pushed request.
const LIFE: TimeDelta = TimeDelta::seconds(60);
/// The stored parameters: those that the authorization endpoint reads.
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
/// How many expired requests are removed with each new one.
const SWEPT: i64 = 20;

/// `POST`: stores the request, and returns its `request_uri`.
pub(super) async fn push(
    gate: Data<Gate>,
    http: HttpRequest,
    request: ClientRequest,
) -> Result<HttpResponse, OAuthError> {
    let ClientRequest { form, client, .. } = request;
    check(&form, &client)?;
    let proof = client::proved_key(&gate, &http)?;
    let parameters = parameters(&form, &client, proof.as_ref().map(|proof| proof.jkt.as_str()))?;
    let request_uri = format!("{PREFIX}{}", new_secret()?);
    let (key, now) = (digest(&request_uri), gate.clock.now());
    let kept: Result<(), TokenError> = gate
        .store
        .write(move |tx| {
            tx.delete_expired(RetentionPolicy::PushedRequests, now + TimeDelta::milliseconds(1), SWEPT)?;
            tx.insert_pushed_request(&key, &client.client_id, &parameters, now + LIFE)?;
            match proof {
                Some(proof) if !proof.spend(tx)? => Err(TokenError::Proof(client::BAD_PROOF)),
                Some(_) | None => Ok(()),
            }
        })
        .await;
    kept?;
    let body = json!({ "request_uri": request_uri, "expires_in": LIFE.num_seconds() });
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(body))
}

/// The checks that are possible now; the authorization endpoint repeats them all.
fn check(form: &Form, client: &Registration) -> Result<(), OAuthError> {
    if form.get("request_uri").is_some() || form.get("request").is_some() {
        return Err(OAuthError::invalid("a pushed request must not contain request_uri"));
    }
    if !client.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(OAuthError::new(
            400,
            "unauthorized_client",
            "the app is not registered for the authorization code grant",
        ));
    }
    if form.get("response_type") != Some("code") {
        return Err(OAuthError::new(400, "unsupported_response_type", "response_type must be code"));
    }
    let is_known = |uri: &str| client.redirect_uris.iter().any(|known| known == uri);
    if !form.get("redirect_uri").is_some_and(is_known) {
        return Err(OAuthError::invalid("redirect_uri must be exactly one of the registered ones"));
    }
    let is_challenge = |text: &str| {
        text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if form.get("code_challenge_method") != Some("S256")
        || !form.get("code_challenge").is_some_and(is_challenge)
    {
        return Err(OAuthError::invalid(
            "PKCE is required: a code_challenge with code_challenge_method S256",
        ));
    }
    let Ok(scopes) = Scopes::parse(form.get("scope").unwrap_or_default()) else {
        return Err(OAuthError::new(400, "invalid_scope", "a resource scope is malformed"));
    };
    if !scopes.fit_a_token() {
        let message = "a token has at most fifty scopes over resources: ask for fewer";
        return Err(OAuthError::new(400, "invalid_scope", message));
    }
    Ok(())
}

/// The stored request: its parameters, its app, and the key of its DPoP proof (RFC 9449 §10.1).
fn parameters(form: &Form, client: &Registration, jkt: Option<&str>) -> Result<String, OAuthError> {
    let mut kept = KEPT.to_vec();
    let mut added = form_urlencoded::Serializer::new(String::new());
    added.append_pair("client_id", &client.client_id);
    if let Some(jkt) = jkt {
        if form.get("dpop_jkt").is_some_and(|named| named != jkt) {
            return Err(OAuthError::new(400, "invalid_dpop_proof", "dpop_jkt is not the key of the proof"));
        }
        kept.retain(|name| *name != "dpop_jkt");
        added.append_pair("dpop_jkt", jkt);
    }
    Ok(format!("{}&{}", added.finish(), form.only(&kept)))
}
