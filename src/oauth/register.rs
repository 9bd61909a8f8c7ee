//! Dynamic client registration (RFC 7591), for holders of an initial access token.

use actix_web::http::Uri;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use crate::problem::OAuthError;
use crate::state::authority;
use crate::{audit, refusal};
use ::web::body::Bodies;
use ::web::credentials::bearer;
use ::web::gate::Gate;
use ::web::limit::Throttle;
use ::web::state;
use base::json;
use base::token::is_secret;
use domain::account::registration::is_shown_well;
use domain::account::scope::{BadScope, Scope};
use domain::account::{
    AccessMode, ClientAuthentication, GrantType, IntrospectionSubject, NamedScope, Registration,
    ScopeContext, Scopes,
};
use jose as proof;
use service::account::register_app::{Registered, register_app};

/// The name under which wrong tokens are counted.
const NAME: &str = "(registration)";
/// The most redirect URIs of an app, and their longest length.
const MAX_REDIRECTS: usize = 20;
const MAX_LENGTH: usize = 2000;

/// `POST`: the registered app, with its id, and its secret this once.
pub(super) async fn register(
    gate: Data<Gate>,
    bodies: Data<Bodies>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, OAuthError> {
    check_token(&gate, &request)?;
    let bytes = bodies.read(request.headers(), payload).await?;
    let Ok(Value::Object(metadata)) = json::parse(&bytes, 10) else {
        return Err(wrong("send the app's metadata as a JSON object"));
    };
    let draft = draft(&metadata, authority(&gate)?.issuer())?;
    let now = gate.clock.now();
    let registered = gate.store.write(move |tx| register_app(tx, draft, now)).await?;
    audit::registration(&gate, &registered.app.client_id, refusal::request_id(&request)).await?;
    let mut response = HttpResponse::Created();
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
    Ok(response.json(render(&registered, now.timestamp())))
}

/// Whether the request has the initial access token (RFC 7591 §3).
fn check_token(gate: &Gate, request: &HttpRequest) -> Result<(), OAuthError> {
    let closed = OAuthError::new(403, "access_denied", "dynamic registration is not enabled");
    let authority = authority(gate)?;
    let sha256 = authority.initial_access().ok_or(closed)?;
    let Some(token) = bearer(request) else { return Err(OAuthError::bearer(401, "Bearer", None)) };
    let now = gate.clock.now();
    let name = format!("{NAME} {}", state::<Throttle>(request)?.source(request));
    authority.lockout().check(&name, now).map_err(OAuthError::locked)?;
    if !is_secret(token, &sha256) {
        authority.lockout().count(&name, now);
        let refused = OAuthError::bearer(401, "Bearer", Some("invalid_token"));
        return Err(refused.with_reason("the initial access token is wrong"));
    }
    Ok(())
}

const fn wrong(message: &'static str) -> OAuthError {
    OAuthError::new(400, "invalid_client_metadata", message)
}

/// The strings of a member: `None` where it is absent.
fn texts(metadata: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, OAuthError> {
    let Some(value) = metadata.get(name) else { return Ok(None) };
    let items = value.as_array().ok_or(wrong("a member that must be an array of strings is not one"))?;
    let texts: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
    texts.map(Some).ok_or(wrong("a member that must be an array of strings is not one"))
}

fn text<'m>(metadata: &'m Map<String, Value>, name: &str) -> Result<Option<&'m str>, OAuthError> {
    match metadata.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !json::has_control(text) && !text.contains(['\n', '\r']) => {
            Ok(Some(text))
        }
        Some(_) => Err(wrong("a member that must be a string is not one")),
    }
}

/// The app that the metadata describe (§2), without its id.
fn draft(metadata: &Map<String, Value>, issuer: &str) -> Result<Registration, OAuthError> {
    let grant_types = match texts(metadata, "grant_types")? {
        None => vec![GrantType::AuthorizationCode],
        Some(names) => {
            let known: Option<Vec<GrantType>> = names.iter().map(|name| GrantType::parse(name)).collect();
            let known = known.filter(|known| !known.is_empty());
            let known = known.ok_or(wrong("a grant_type is not supported"))?;
            // Without duplicates.
            known.into_iter().fold(Vec::new(), |mut all, one| {
                if !all.contains(&one) {
                    all.push(one);
                }
                all
            })
        }
    };
    let is_system = grant_types.contains(&GrantType::ClientCredentials);
    if is_system && grant_types.len() > 1 {
        return Err(wrong("grant_types must be for the app itself or for users, not for both"));
    }
    let mode = if is_system { AccessMode::System } else { AccessMode::Citizen };
    let authentication = authentication(metadata, issuer)?;
    if is_system && !authentication.is_confidential() {
        return Err(wrong("an app with client_credentials must authenticate"));
    }
    let redirect_uris = texts(metadata, "redirect_uris")?.unwrap_or_default();
    let is_bad = redirect_uris.len() > MAX_REDIRECTS || !redirect_uris.iter().all(|uri| is_redirect(uri));
    if is_bad || grant_types.contains(&GrantType::AuthorizationCode) == redirect_uris.is_empty() {
        let message = "redirect_uris must be https, or http on loopback, without fragment and without *";
        return Err(OAuthError::new(400, "invalid_redirect_uri", message));
    }
    let logout_uris = texts(metadata, "post_logout_redirect_uris")?.unwrap_or_default();
    if logout_uris.len() > MAX_REDIRECTS || !logout_uris.iter().all(|uri| is_redirect(uri)) {
        let message = "the rules of redirect_uris apply to post_logout_redirect_uris";
        return Err(OAuthError::new(400, "invalid_redirect_uri", message));
    }
    let name =
        text(metadata, "client_name")?.filter(|name| (1..=200).contains(&name.len()) && is_shown_well(name));
    Ok(Registration {
        client_id: String::new(),
        name: name.ok_or(wrong("client_name is required: up to 200 visible characters"))?.to_owned(),
        mode,
        authentication,
        redirect_uris,
        grant_types,
        scopes: scopes(text(metadata, "scope")?, mode)?,
        may_introspect: false,
        introspection_subject: IntrospectionSubject::Account,
        exchange_audiences: Vec::new(),
        logout_uris,
        is_dpop_bound: metadata.get("dpop_bound_access_tokens") == Some(&Value::Bool(true)),
    })
}

/// Whether an app may register this URL for redirects.
fn is_redirect(url: &str) -> bool {
    url.len() <= MAX_LENGTH && url.parse::<Uri>().is_ok() && Registration::is_redirect_uri(url)
}

/// The authentication method of the app.
fn authentication(metadata: &Map<String, Value>, issuer: &str) -> Result<ClientAuthentication, OAuthError> {
    let (jwks, jwks_uri) = (metadata.get("jwks"), text(metadata, "jwks_uri")?);
    match (text(metadata, "token_endpoint_auth_method")?, jwks, jwks_uri) {
        (Some("none"), None, None) => Ok(ClientAuthentication::None),
        (None | Some("client_secret_basic" | "client_secret_post"), None, None) => {
            Ok(ClientAuthentication::Secret { sha256: [0; 32] })
        }
        (Some("private_key_jwt"), Some(keys), None) => {
            let keys = proof::read_keys(keys);
            let message = "jwks must contain public keys, each with a kid: EC on P-256 or P-384, or RSA of 2048 bits or more";
            Ok(ClientAuthentication::PrivateKeyJwt { jwks: keys.ok_or(wrong(message))? })
        }
        (Some("private_key_jwt"), None, Some(url)) if ClientAuthentication::is_jwks_uri(url, issuer) => {
            Ok(ClientAuthentication::PrivateKeyJwtAt { jwks_uri: url.to_owned() })
        }
        _ => Err(wrong("token_endpoint_auth_method, jwks and jwks_uri do not match")),
    }
}

/// The scopes that the app is registered for: those that make sense for its kind.
fn scopes(asked: Option<&str>, mode: AccessMode) -> Result<Scopes, OAuthError> {
    let asked = Scopes::parse(asked.unwrap_or_default());
    let asked = asked.map_err(|bad| match bad {
        BadScope::TooMany => wrong("an app can have at most one hundred resource scopes"),
        BadScope::Malformed | BadScope::Constraint => wrong("a resource scope is malformed"),
    })?;
    let scopes = asked.retaining(|scope| match scope {
        Scope::Resource(scope) => (scope.context == ScopeContext::System) == (mode == AccessMode::System),
        Scope::Named(word) => mode != AccessMode::System || *word == NamedScope::ValidatedRelationships,
    });
    if scopes.is_empty() { Err(wrong("none of the scopes can be granted to the app")) } else { Ok(scopes) }
}

/// The response (RFC 7591 §3.2.1).
fn render(registered: &Registered, now: i64) -> Value {
    let app = &registered.app;
    let grant_types: Vec<&str> = app.grant_types.iter().copied().map(GrantType::as_str).collect();
    let has_code = app.grant_types.contains(&GrantType::AuthorizationCode);
    let mut metadata = json!({
        "client_id": app.client_id,
        "client_id_issued_at": now,
        "client_name": app.name,
        "redirect_uris": app.redirect_uris,
        "post_logout_redirect_uris": app.logout_uris,
        "grant_types": grant_types,
        "response_types": if has_code { vec!["code"] } else { Vec::new() },
        "token_endpoint_auth_method": app.authentication.method(),
        "scope": app.scopes.to_string(),
        "dpop_bound_access_tokens": app.is_dpop_bound,
    });
    let Some(members) = metadata.as_object_mut() else { return metadata };
    if let Some(secret) = &registered.secret {
        members.insert("client_secret".to_owned(), secret.as_str().into());
        members.insert("client_secret_expires_at".to_owned(), 0.into());
    }
    match &app.authentication {
        ClientAuthentication::PrivateKeyJwt { jwks } => {
            members.insert("jwks".to_owned(), serde_json::to_value(jwks).unwrap_or_default());
        }
        ClientAuthentication::PrivateKeyJwtAt { jwks_uri } => {
            members.insert("jwks_uri".to_owned(), jwks_uri.as_str().into());
        }
        ClientAuthentication::None | ClientAuthentication::Secret { .. } => {}
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::is_redirect;

    #[test]
    fn redirect_uri_is_https_or_loopback() {
        for right in [
            "https://app.example/cb",
            "https://app.example/cb?a=b",
            "http://127.0.0.1:1234/cb",
            "http://localhost/cb",
            "http://[::1]:8/cb",
        ] {
            assert!(is_redirect(right), "{right}");
        }
        for wrong in [
            "",
            "cb",
            "/cb",
            "http://app.example/cb",
            "https://app.example/cb#x",
            "https://*.example/cb",
            "https://app.example@evil.example/",
            "https://",
            "javascript:alert(1)",
            "app:/cb",
            "http://localhost.evil.example/",
            "http://[::1].evil.example/cb",
            "http://[::1]evil.example/cb",
            "http://[::2]/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost@evil.example/cb",
            "http:/localhost/cb",
            "https:app.example",
            "https://app.example/\\evil",
            "https://app.example/ cb",
        ] {
            assert!(!is_redirect(wrong), "{wrong}");
        }
    }
}
