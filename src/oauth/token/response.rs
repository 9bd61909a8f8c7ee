//! Signs tokens, and renders the token response (RFC 6749 §5.1, SMART App Launch 2.2).

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::launch;
use crate::problem::OAuthError;
use base::error::Error;
use base::ids;
use domain::account::claims::{AccessClaims, Confirmation, Delegation};
use domain::account::{Grant, NamedScope};
use jose::key::KeyPurpose;
use service::account::IssuedTokens;
use service::authority::Authority;

/// Signs the issued tokens, and renders the response.
pub(super) fn render(
    authority: &Authority,
    issue: &IssuedTokens,
    issued_type: Option<&str>,
    now: DateTime<Utc>,
) -> Result<HttpResponse, OAuthError> {
    let claims = access_claims(authority, issue, now);
    let access = authority.sign(KeyPurpose::AccessToken, "at+jwt", &claims).map_err(Error::fault)?;
    let mut body = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    add("access_token", Some(access.into()));
    add("token_type", Some(if issue.jkt.is_some() { "DPoP" } else { "Bearer" }.into()));
    add("expires_in", Some((issue.expires_at - now).num_seconds().into()));
    add("scope", Some(issue.scopes.to_string().into()));
    add("issued_token_type", issued_type.map(Value::from));
    for (name, value) in launch::context(authority, claims.patient.as_deref()) {
        add(name, Some(value));
    }
    add("refresh_token", issue.refresh_token.clone().map(Value::from));
    if let Some(claims) = id_claims(authority, issue, now) {
        let token = authority.sign(KeyPurpose::IdToken, "JWT", &claims).map_err(Error::fault)?;
        add("id_token", Some(token.into()));
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
    Ok(response.json(body))
}

/// The claims of the access token, as in `account::claims`.
fn access_claims(authority: &Authority, issue: &IssuedTokens, now: DateTime<Utc>) -> AccessClaims {
    let grant = &issue.grant;
    AccessClaims {
        nbf: None,
        iss: authority.issuer().to_owned(),
        aud: if issue.audience.is_empty() { authority.audiences().to_vec() } else { issue.audience.clone() },
        sub: launch::subject(grant),
        client_id: grant.app.clone(),
        iat: now.timestamp(),
        exp: issue.expires_at.timestamp(),
        jti: ids::new_uuid(now).to_string(),
        scope: issue.scopes.to_string(),
        grant: grant.id,
        mode: grant.mode.as_str().to_owned(),
        patient: launch::patient(grant, &issue.scopes),
        fhir_user: launch::fhir_user(authority, grant, &issue.scopes),
        act: launch::actor(authority, grant),
        delegation: grant.role.zip(issue.role_version).map(|(role, version)| Delegation::of(role, version)),
        identity_proofing_level: grant.vot.as_ref().map(|vot| vot.proofing.to_string()),
        vot: grant.vot.as_ref().map(ToString::to_string),
        ods_code: grant.organisation.as_ref().map(|code| code.as_str().to_owned()),
        cnf: issue.jkt.clone().map(|jkt| Confirmation { jkt }),
    }
}

/// The claims of the id token (OpenID Connect Core §2, LA-07): about the user who has logged in, even while
/// they act for a patient.
fn id_claims(authority: &Authority, issue: &IssuedTokens, now: DateTime<Utc>) -> Option<Value> {
    let IssuedTokens { grant, scopes, .. } = issue;
    let Grant { id, user, app, created_at, .. } = grant;
    let user = user.filter(|_| scopes.has(NamedScope::OpenId))?;
    let mut claims = json!({
        "iss": authority.issuer(),
        "sub": user.to_string(),
        "aud": app,
        "iat": now.timestamp(),
        "exp": issue.expires_at.timestamp(),
        "auth_time": created_at.timestamp(),
        "sid": id.to_string(),
    });
    let members = claims.as_object_mut()?;
    let optional =
        [("nonce", issue.nonce.clone()), ("fhirUser", launch::fhir_user(authority, grant, scopes))];
    for (name, value) in optional {
        if let Some(value) = value {
            members.insert(name.to_owned(), value.into());
        }
    }
    Some(claims)
}
