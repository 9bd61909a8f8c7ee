//! Client authentication: an app authenticates by the method that it is registered for, and by no other (RFC
//! 6749 §2.3, RFC 7523, SMART App Launch 2.2 "Client Authentication").

pub(crate) mod keys;
pub(crate) mod request;

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;

use crate::form::Form;
use crate::problem::OAuthError;
use crate::refusal;
use crate::state::{app_keys, authority};
use base::error::Error;
use base::token::is_secret;
use domain::account::{ClientAuthentication, Registration, endpoints};
use jose::assertion;
use jose::dpop;
use jose::dpop::ExpectedProof;
use store::Tx;
use web::caller::note_app;
use web::credentials::{RepeatedAuthorization, authorization};
use web::error::HttpError as _;
use web::gate::Gate;
use web::limit::Throttle;
use web::state;

pub use keys::AppKeys;

/// The credential of a request.
enum Credential {
    /// A `client_id` alone.
    None,
    /// A client secret.
    Secret(String),
    /// A client assertion.
    Assertion(String),
}

/// Authenticates the app of a request.
///
/// # Errors
///
/// [`OAuthError`]: 401 `invalid_client` with the same description for every cause.
async fn authenticate(request: &HttpRequest, form: &Form) -> Result<Arc<Registration>, OAuthError> {
    let (gate, throttle) = (state::<Gate>(request)?, state::<Throttle>(request)?);
    let (client_id, credential) = credential(request, form)?;
    let known = find_app(gate, &client_id).await?;
    let known = known.ok_or_else(|| OAuthError::client("no app has this client_id"))?;
    refusal::note_app(request, &known.client_id);
    let now = gate.clock.now();
    match (&known.authentication, credential) {
        (ClientAuthentication::None, Credential::None) => {}
        (ClientAuthentication::Secret { sha256 }, Credential::Secret(secret)) => {
            let lockout = authority(gate)?.lockout();
            // Counted per source address, so that an attacker's guesses never lock out the app itself.
            let name = format!("{client_id} {}", throttle.source(request));
            lockout.check(&name, now).map_err(OAuthError::locked)?;
            if !is_secret(&secret, sha256) {
                lockout.count(&name, now);
                return Err(OAuthError::client("the client_secret is wrong"));
            }
        }
        (
            ClientAuthentication::PrivateKeyJwt { .. } | ClientAuthentication::PrivateKeyJwtAt { .. },
            Credential::Assertion(text),
        ) => check_assertion(gate, request, &known, &text, now).await?,
        (registered, shown) => return Err(OAuthError::client(mismatch(registered, &shown))),
    }
    note_app(request);
    // An unauthenticated name is not counted: any client could use up its limit.
    if known.authentication.is_confidential() {
        let counted = throttle.count_app(&known.client_id);
        counted.map_err(|wait| OAuthError::throttled(wait.as_secs() + 1))?;
    }
    Ok(known)
}

/// The app with this id: of the settings, else one that has registered itself.
pub(crate) async fn find_app(gate: &Gate, client_id: &str) -> Result<Option<Arc<Registration>>, Error> {
    if let Some(known) = gate.authority.as_ref().and_then(|authority| authority.registration(client_id)) {
        return Ok(Some(known));
    }
    if client_id.len() > 255 {
        return Ok(None);
    }
    let client_id = client_id.to_owned();
    let found: Result<_, Error> = gate.store.read_one(move |tx| tx.find_app(&client_id)).await;
    Ok(found?.map(Arc::new))
}

/// The credential and the client id of a request: at most one of each.
fn credential(request: &HttpRequest, form: &Form) -> Result<(String, Credential), OAuthError> {
    let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
    let header = authorization(request)
        .map_err(|repeated: RepeatedAuthorization| OAuthError::client(repeated.to_string()))?;
    let read = |header: &HeaderValue| {
        let read = header.to_str().ok().and_then(read_basic);
        read.ok_or_else(|| {
            OAuthError::client("the Authorization header is not Basic with a client_id and a secret")
        })
    };
    let basic = header.map(read).transpose()?;
    let named = form.get("client_id").map(str::to_owned);
    let (name, credential) = match (basic, secret, assertion) {
        (None, None, None) => (named.clone(), Credential::None),
        (Some((name, secret)), None, None) => (Some(name), Credential::Secret(secret)),
        (None, Some(secret), None) => (named.clone(), Credential::Secret(secret.to_owned())),
        (None, None, Some(assertion)) => {
            if form.get("client_assertion_type") != Some(assertion::ASSERTION_TYPE) {
                return Err(OAuthError::client("the client_assertion_type is not that of a JWT"));
            }
            (assertion::claimed_client(assertion), Credential::Assertion(assertion.to_owned()))
        }
        _ => return Err(OAuthError::invalid("use one method of client authentication, not several")),
    };
    match name {
        Some(name) if named.as_ref().is_none_or(|named| *named == name) => Ok((name, credential)),
        Some(_) => Err(OAuthError::client("client_id differs from that of the credential")),
        None => Err(OAuthError::client("the request has no client_id")),
    }
}

/// How the credential differs from the authentication method that the app is registered for.
fn mismatch(registered: &ClientAuthentication, shown: &Credential) -> String {
    let shown = match shown {
        Credential::None => "none",
        Credential::Secret(_) => "client_secret",
        Credential::Assertion(_) => "client_assertion",
    };
    format!("the app is registered for {}, and the request has {shown}", registered.method())
}

/// The name and secret of `Authorization: Basic`, which are form-urlencoded before they are joined (RFC 6749
/// §2.3.1).
fn read_basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, secret) = joined.split_once(':')?;
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
    };
    let (name, secret) = (decode(name)?, decode(secret)?);
    (!name.chars().any(char::is_control)).then_some((name, secret))
}

/// Validates an assertion with the app's keys, and that it was not used before.
async fn check_assertion(
    gate: &Gate,
    request: &HttpRequest,
    client: &Registration,
    text: &str,
    now: DateTime<Utc>,
) -> Result<(), OAuthError> {
    let authority = authority(gate)?;
    let fetched;
    let keys = match &client.authentication {
        ClientAuthentication::PrivateKeyJwt { jwks } => jwks,
        ClientAuthentication::PrivateKeyJwtAt { jwks_uri } => {
            let kid = assertion::claimed_key(text);
            let kid = kid.ok_or_else(|| OAuthError::client("the assertion has no kid"))?;
            let found = app_keys(request)?.find(jwks_uri, &kid, now).await;
            fetched = found
                .ok_or_else(|| OAuthError::client("the keys at the app's jwks_uri cannot be fetched"))?;
            &*fetched
        }
        ClientAuthentication::None | ClientAuthentication::Secret { .. } => {
            return Err(OAuthError::client("the app has no keys"));
        }
    };
    let (token, here) = (authority.url(endpoints::TOKEN), authority.url(request.path()));
    let audiences = [token.as_str(), here.as_str(), authority.issuer()];
    let checked = assertion::check(text, &client.client_id, keys, &audiences, now);
    let shown = checked.map_err(|wrong| OAuthError::client(format!("the assertion: {wrong}")))?;
    let is_first = insert_if_unused(gate, shown.digest, shown.expires_at).await?;
    is_first.then_some(()).ok_or_else(|| OAuthError::client("the assertion: its jti was used before"))
}

/// The DPoP proof of a request (RFC 9449 §5). It is accepted once.
#[derive(Clone, Debug)]
pub(crate) struct ProvedKey {
    /// The thumbprint of the key.
    pub(crate) jkt: String,
    digest: String,
    expires_at: DateTime<Utc>,
}

impl ProvedKey {
    /// Stores the proof as used, in the transaction of the request: a refused request stores nothing. Returns
    /// whether it was not used before.
    pub(crate) fn spend(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        tx.insert_if_unused(&self.digest, self.expires_at)
    }
}

/// The DPoP proof of the request, if it has one.
///
/// # Errors
///
/// [`OAuthError`]: 400 `invalid_dpop_proof`.
pub(crate) fn proved_key(gate: &Gate, request: &HttpRequest) -> Result<Option<ProvedKey>, OAuthError> {
    let refused = || OAuthError::new(400, "invalid_dpop_proof", BAD_PROOF);
    let mut proofs = request.headers().get_all("dpop");
    let Some(proof) = proofs.next() else { return Ok(None) };
    if proofs.next().is_some() {
        return Err(refused().with_reason("there is more than one DPoP header"));
    }
    let url = authority(gate)?.url(request.path());
    let expected = ExpectedProof { method: request.method().as_str(), url: &url, access_token: None };
    let text = proof.to_str().map_err(|_binary| refused())?;
    let proof = dpop::check(text, &expected, gate.clock.now())
        .map_err(|wrong| refused().with_reason(format!("the DPoP proof: {wrong}")))?;
    Ok(Some(ProvedKey { jkt: proof.jkt, digest: proof.digest, expires_at: proof.expires_at }))
}

/// The description for a proof that is not valid, or was used before.
pub(crate) const BAD_PROOF: &str = "the DPoP proof is not valid for this request";

/// Whether this is used for the first time. In its own transaction: it stays used even if the request fails.
async fn insert_if_unused(gate: &Gate, digest: String, until: DateTime<Utc>) -> Result<bool, Error> {
    gate.store.write(move |tx| tx.insert_if_unused(&digest, until)).await
}
