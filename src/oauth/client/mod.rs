//! Which app is asking: it proves itself in the way that it is registered for, and in no other (RFC 6749
//! §2.3, RFC 7523, SMART App Launch 2.2 "Client Authentication").

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
use crate::problem::Problem;
use crate::refusal;
use crate::state::{app_keys, authority};
use base::error::Error;
use base::token::is_secret;
use domain::account::{ClientAuthentication, Registration, endpoints};
use jose::assertion;
use jose::dpop;
use jose::dpop::Expected;
use store::Tx;
use web::caller::note_app;
use web::credentials::{Repeated, authorization};
use web::error::HttpError as _;
use web::gate::Gate;
use web::limit::Throttle;
use web::state;

pub use keys::AppKeys;

/// What an app shows of itself.
enum Credential {
    /// Its name alone.
    None,
    /// A secret.
    Secret(String),
    /// A signed assertion.
    Assertion(String),
}

/// Finds out which app is asking.
///
/// # Errors
///
/// [`Problem`]: 401 `invalid_client` in the same words whatever is wrong.
async fn authenticate(request: &HttpRequest, form: &Form) -> Result<Arc<Registration>, Problem> {
    let (gate, throttle) = (state::<Gate>(request)?, state::<Throttle>(request)?);
    let (client_id, credential) = credential(request, form)?;
    let known = find_app(gate, &client_id).await?;
    let known = known.ok_or_else(|| Problem::client("no app has this client_id"))?;
    refusal::note_app(request, &known.client_id);
    let now = gate.clock.now();
    match (&known.authentication, credential) {
        (ClientAuthentication::None, Credential::None) => {}
        (ClientAuthentication::Secret { sha256 }, Credential::Secret(secret)) => {
            let lockout = authority(gate)?.lockout();
            // Counted by where it comes from: a stranger who guesses keeps the app itself from nothing.
            let name = format!("{client_id} {}", throttle.source(request));
            lockout.check(&name, now).map_err(Problem::locked)?;
            if !is_secret(&secret, sha256) {
                lockout.count(&name, now);
                return Err(Problem::client("the client_secret is wrong"));
            }
        }
        (
            ClientAuthentication::PrivateKeyJwt { .. } | ClientAuthentication::PrivateKeyJwtAt { .. },
            Credential::Assertion(text),
        ) => check_assertion(gate, request, &known, &text, now).await?,
        (registered, shown) => return Err(Problem::client(mismatch(registered, &shown))),
    }
    note_app(request);
    // A name that nobody has proved is not counted: anybody could use it up.
    if known.authentication.is_confidential() {
        let counted = throttle.count_app(&known.client_id);
        counted.map_err(|wait| Problem::throttled(wait.as_secs() + 1))?;
    }
    Ok(known)
}

/// The app of this id: of the settings, else one that has registered itself.
///
/// # Errors
///
/// [`Problem`] when the database does not answer.
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

/// What is shown: one credential, and one name.
fn credential(request: &HttpRequest, form: &Form) -> Result<(String, Credential), Problem> {
    let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
    let header =
        authorization(request).map_err(|repeated: Repeated| Problem::client(repeated.to_string()))?;
    let read = |header: &HeaderValue| {
        let read = header.to_str().ok().and_then(read_basic);
        read.ok_or_else(|| Problem::client("the header Authorization is not Basic with a name and a secret"))
    };
    let basic = header.map(read).transpose()?;
    let named = form.get("client_id").map(str::to_owned);
    let (name, credential) = match (basic, secret, assertion) {
        (None, None, None) => (named.clone(), Credential::None),
        (Some((name, secret)), None, None) => (Some(name), Credential::Secret(secret)),
        (None, Some(secret), None) => (named.clone(), Credential::Secret(secret.to_owned())),
        (None, None, Some(assertion)) => {
            if form.get("client_assertion_type") != Some(assertion::ASSERTION_TYPE) {
                return Err(Problem::client("the client_assertion_type is not that of a JWT"));
            }
            (assertion::claimed_client(assertion), Credential::Assertion(assertion.to_owned()))
        }
        _ => return Err(Problem::invalid("prove the app in one way, not in several")),
    };
    match name {
        Some(name) if named.as_ref().is_none_or(|named| *named == name) => Ok((name, credential)),
        Some(_) => Err(Problem::client("client_id is another than the one that is proved")),
        None => Err(Problem::client("the request names no client_id")),
    }
}

/// How what is shown differs from the authentication method that the app is registered for.
fn mismatch(registered: &ClientAuthentication, shown: &Credential) -> String {
    let shown = match shown {
        Credential::None => "none",
        Credential::Secret(_) => "client_secret",
        Credential::Assertion(_) => "client_assertion",
    };
    format!("the app is registered for {}, and the request has {shown}", registered.method())
}

/// Name and secret of `Authorization: Basic`, each form-urlencoded before they were joined (RFC 6749
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

/// Checks an assertion by the app's own keys, and that it is shown for the first time.
async fn check_assertion(
    gate: &Gate,
    request: &HttpRequest,
    client: &Registration,
    text: &str,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let authority = authority(gate)?;
    let fetched;
    let keys = match &client.authentication {
        ClientAuthentication::PrivateKeyJwt { jwks } => jwks,
        ClientAuthentication::PrivateKeyJwtAt { jwks_uri } => {
            let kid = assertion::claimed_key(text);
            let kid = kid.ok_or_else(|| Problem::client("the assertion names no kid"))?;
            let found = app_keys(request)?.find(jwks_uri, &kid, now).await;
            fetched = found.ok_or_else(|| Problem::client("the keys of the app's jwks_uri cannot be had"))?;
            &*fetched
        }
        ClientAuthentication::None | ClientAuthentication::Secret { .. } => {
            return Err(Problem::client("the app has no keys"));
        }
    };
    let (token, here) = (authority.url(endpoints::TOKEN), authority.url(request.path()));
    let audiences = [token.as_str(), here.as_str(), authority.issuer()];
    let checked = assertion::check(text, &client.client_id, keys, &audiences, now);
    let shown = checked.map_err(|wrong| Problem::client(format!("the assertion: {wrong}")))?;
    let is_first = see_once(gate, shown.digest, shown.expires_at).await?;
    is_first.then_some(()).ok_or_else(|| Problem::client("the assertion: its jti was used before"))
}

/// A proof of a key that came with a request (RFC 9449 §5). It is good once.
#[derive(Clone, Debug)]
pub(crate) struct ProvedKey {
    /// The thumbprint of the key.
    pub(crate) jkt: String,
    digest: String,
    expires_at: DateTime<Utc>,
}

impl ProvedKey {
    /// Remembers the proof, in the transaction of what it was shown for: a request that is refused leaves nothing. Returns
    /// whether it was shown for the first time.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub(crate) fn spend(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        tx.see_once(&self.digest, self.expires_at)
    }
}

/// The key of which the request has a proof, if it has one.
///
/// # Errors
///
/// [`Problem`]: 400 `invalid_dpop_proof`.
pub(crate) fn proved_key(gate: &Gate, request: &HttpRequest) -> Result<Option<ProvedKey>, Problem> {
    let refused = || Problem::new(400, "invalid_dpop_proof", BAD_PROOF);
    let mut proofs = request.headers().get_all("dpop");
    let Some(proof) = proofs.next() else { return Ok(None) };
    if proofs.next().is_some() {
        return Err(refused().because("there is more than one DPoP header"));
    }
    let url = authority(gate)?.url(request.path());
    let expected = Expected { method: request.method().as_str(), url: &url, access_token: None };
    let text = proof.to_str().map_err(|_binary| refused())?;
    let proof = dpop::check(text, &expected, gate.clock.now())
        .map_err(|wrong| refused().because(format!("the DPoP proof: {wrong}")))?;
    Ok(Some(ProvedKey { jkt: proof.jkt, digest: proof.digest, expires_at: proof.expires_at }))
}

/// What a client is answered whose proof is not good, or was shown before.
pub(crate) const BAD_PROOF: &str = "the DPoP proof is not good, or not for this";

/// Whether this is shown for the first time. In a transaction of its own: what comes after may fail, and it
/// stays seen.
async fn see_once(gate: &Gate, digest: String, until: DateTime<Utc>) -> Result<bool, Error> {
    gate.store.write(move |tx| tx.see_once(&digest, until)).await
}
