//! Validates the parameters of an authorization request (LA-01).

use std::collections::HashSet;

use domain::account::scope::{SERVED, Scope};
use domain::account::{
    AccessMode, AuthorizationRequest, GrantType, NamedScope, Registration, ScopeContext, Scopes,
};
use service::authority::Authority;

use super::redirect::AuthorizationError;

/// The parameters of a query or of a form.
#[derive(Clone, Debug, Default)]
pub(super) struct FormParams(Vec<(String, String)>);

/// A parameter occurs more than once (RFC 6749 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RepeatedParameter;

/// The longest `state`, `nonce` and URL that is stored.
const LONGEST: usize = 2048;

impl FormParams {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The one value of a parameter. An empty value counts as absent (RFC 6749 §3.1).
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, RepeatedParameter> {
        let mut values = self.given().filter(|(known, _)| *known == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(RepeatedParameter),
        }
    }

    /// The parameters with a value.
    fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(_, value)| !value.is_empty())
    }

    /// The last value of a parameter, in a form of this server.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn has_repeated(&self) -> bool {
        let mut seen = HashSet::new();
        let mut named = self.given().filter(|(name, _)| *name != "resource");
        named.any(|(name, _)| !seen.insert(name))
    }
}

const fn invalid(description: &'static str) -> AuthorizationError {
    AuthorizationError::new("invalid_request", description)
}

/// Validates everything but `client_id` and `redirect_uri`, which are already verified.
///
/// # Errors
///
/// [`AuthorizationError`], for the first fault.
pub(super) fn read(
    params: &FormParams,
    app: &Registration,
    redirect_uri: &str,
    authority: &Authority,
) -> Result<AuthorizationRequest, AuthorizationError> {
    if params.has_repeated() {
        return Err(invalid("Each parameter may appear once."));
    }
    let one = |name: &str| params.one(name).unwrap_or_default();
    // Checked first: the other parameters may be inside the object only (OpenID Connect Core §6).
    if one("request").is_some() {
        return Err(AuthorizationError::new("request_not_supported", "Push the request instead (RFC 9126)."));
    }
    if one("request_uri").is_some() {
        return Err(AuthorizationError::new(
            "request_uri_not_supported",
            "The request_uri must be that of a pushed request (RFC 9126).",
        ));
    }
    let state = one("state").filter(|state| (8..=LONGEST).contains(&state.len()));
    let state =
        state.ok_or(invalid("state is missing, or has fewer than 8 or more than 2048 characters."))?;
    check_kind(params, app)?;
    let audience = check_audience(params, authority)?;
    let challenge = check_challenge(params)?;
    let nonce = one("nonce");
    if nonce.is_some_and(|nonce| nonce.len() > LONGEST) {
        return Err(invalid("nonce is too long."));
    }
    let dpop_jkt = one("dpop_jkt");
    if dpop_jkt.is_some_and(|jkt| !is_digest(jkt)) {
        return Err(invalid("dpop_jkt is not a SHA-256 thumbprint in base64url."));
    }
    Ok(AuthorizationRequest {
        redirect_uri: redirect_uri.to_owned(),
        state: state.to_owned(),
        scopes: check_scopes(one("scope").unwrap_or_default(), app)?,
        challenge,
        nonce: nonce.map(str::to_owned),
        dpop_jkt: dpop_jkt.map(str::to_owned),
        audience,
    })
}

/// Checks the response type, and refuses unsupported parameters of OpenID Connect and SMART.
fn check_kind(params: &FormParams, app: &Registration) -> Result<(), AuthorizationError> {
    let one = |name: &str| params.one(name).unwrap_or_default();
    if app.mode == AccessMode::System || !app.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(AuthorizationError::new(
            "unauthorized_client",
            "The app is not registered for the authorization code grant.",
        ));
    }
    match one("response_type") {
        Some("code") => {}
        Some(_) => {
            return Err(AuthorizationError::new("unsupported_response_type", "response_type must be code."));
        }
        None => return Err(invalid("response_type is missing.")),
    }
    if one("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid("response_mode must be query."));
    }
    if one("launch").is_some() {
        return Err(invalid("The launch parameter is not supported: this server has no EHR launch."));
    }
    let prompts: Vec<&str> = one("prompt").unwrap_or_default().split_ascii_whitespace().collect();
    match prompts.as_slice() {
        ["none"] => Err(AuthorizationError::new(
            "login_required",
            "This server keeps no log-in sessions: prompt none is not possible.",
        )),
        all if all.contains(&"none") => Err(invalid("prompt none must be the only value.")),
        // Every request requires log-in, choice and approval anyway.
        all if all.iter().all(|prompt| matches!(*prompt, "login" | "consent" | "select_account")) => Ok(()),
        _ => Err(invalid("prompt has an unknown value.")),
    }
}

/// SMART's `aud`, or `resource` (RFC 8707): the app must not send its token to another server. Tokens are
/// restricted to the APIs that `resource` names; `aud`, which SMART apps must send, restricts nothing.
fn check_audience(params: &FormParams, authority: &Authority) -> Result<Vec<String>, AuthorizationError> {
    let all =
        |wanted: &'static str| params.given().filter(move |(name, _)| *name == wanted).map(|(_, url)| url);
    if all("aud").chain(all("resource")).next().is_none() {
        return Err(invalid("aud is missing: it must be the base URL of the API."));
    }
    let other =
        AuthorizationError::new("invalid_target", "aud is not the base URL of an API of this server.");
    authority.audience(all("aud")).ok_or(other)?;
    authority.audience(all("resource")).ok_or(other)
}

/// PKCE (RFC 7636), required of every app.
fn check_challenge(params: &FormParams) -> Result<String, AuthorizationError> {
    let one = |name: &str| params.one(name).unwrap_or_default();
    let challenge = one("code_challenge").ok_or(invalid("code_challenge is missing."))?;
    if one("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method must be S256."));
    }
    if is_digest(challenge) {
        Ok(challenge.to_owned())
    } else {
        Err(invalid("code_challenge is not a SHA-256 in base64url."))
    }
}

/// 32 bytes in base64url without padding.
fn is_digest(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The scopes that the app may have of those requested. Dropped are `patient/` without a patient, `system/`
/// in an app for users, and unsupported resource types, which would allow nothing.
fn check_scopes(text: &str, app: &Registration) -> Result<Scopes, AuthorizationError> {
    let malformed = AuthorizationError::new("invalid_scope", "A scope is malformed.");
    let asked = Scopes::parse(text).or(Err(malformed))?;
    let allowed = app.scopes.narrowed_to(&asked);
    let has_patient = app.mode == AccessMode::Citizen && allowed.has(NamedScope::LaunchPatient);
    let scopes = allowed.retaining(|scope| match scope {
        Scope::Resource(scope) => {
            let is_served = scope.resource.as_deref().is_none_or(|name| SERVED.contains(&name));
            let fits = match scope.context {
                ScopeContext::Patient => has_patient,
                ScopeContext::User => true,
                ScopeContext::System => false,
            };
            is_served && fits
        }
        Scope::Named(NamedScope::Launch) => false,
        Scope::Named(NamedScope::LaunchPatient | NamedScope::Delegation) => app.mode == AccessMode::Citizen,
        Scope::Named(_) => true,
    });
    if !scopes.fit_a_token() {
        return Err(AuthorizationError::new(
            "invalid_scope",
            "A token has at most fifty scopes over resources: ask for fewer.",
        ));
    }
    if scopes.is_empty() {
        return Err(AuthorizationError::new(
            "invalid_scope",
            "None of the requested scopes can be granted to this app.",
        ));
    }
    Ok(scopes)
}
