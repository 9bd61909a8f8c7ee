//! Client assertions (`private_key_jwt`: RFC 7523 §3, SMART App Launch 2.2 "Client Authentication:
//! Asymmetric").

use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use serde::Deserialize;

use crate::signature::{Audience, BadSignature, read_header, read_part, verify};
use base::token::digest;

/// The value of `client_assertion_type`.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The accepted algorithms: SMART's two, and those that NHS England's clients use.
pub const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::ES256, Algorithm::ES384, Algorithm::RS384, Algorithm::RS512];
/// The longest life of an assertion, in seconds (SMART App Launch 2.2: five minutes).
const MAX_LIFE: i64 = 300;
/// The accepted clock skew, in seconds.
const SKEW: i64 = 60;

/// Why an assertion is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAssertion {
    /// Its header or signature.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// `typ` is present and is not `JWT`.
    #[error("its typ is not JWT")]
    Type,
    /// No `kid`, or none of the app's keys.
    #[error("its kid names no key of the app")]
    UnknownKey,
    /// `iss` and `sub` are not both the client id.
    #[error("its iss and sub are not the client_id")]
    Subject,
    /// `aud` is not this server.
    #[error("its aud is neither the token endpoint nor the issuer")]
    Audience,
    /// `exp`, `iat` or `nbf`.
    #[error("it is not valid now, or is valid for longer than five minutes")]
    Time,
    /// `jti`.
    #[error("it has no jti, or one of more than 255 characters")]
    Id,
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<i64>,
    iat: Option<i64>,
    nbf: Option<i64>,
    jti: Option<String>,
}

/// A valid assertion, to be stored so that it is accepted only once.
#[derive(Debug)]
pub struct Assertion {
    /// The digest that identifies it.
    pub digest: String,
    /// When it may be forgotten.
    pub expires_at: DateTime<Utc>,
}

/// The client id in an assertion, unverified.
pub fn claimed_client(assertion: &str) -> Option<String> {
    read_part(assertion, 1)?.get("sub")?.as_str().map(str::to_owned)
}

/// The key id in an assertion, unverified.
pub fn claimed_key(assertion: &str) -> Option<String> {
    read_part(assertion, 0)?.get("kid")?.as_str().map(str::to_owned)
}

/// The key of a set with this id, if it is a signing key.
pub fn find_key<'k>(keys: &'k JwkSet, kid: &str) -> Option<&'k Jwk> {
    let signs = |key: &&Jwk| {
        !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_)))
    };
    keys.keys.iter().filter(signs).find(|key| key.common.key_id.as_deref() == Some(kid))
}

/// Validates an assertion of an app with these keys, for one of `audiences`. Whether it was used before is
/// for the caller to check.
///
/// # Errors
///
/// [`BadAssertion`], the first fault found.
pub fn check(
    assertion: &str,
    client_id: &str,
    keys: &JwkSet,
    audiences: &[&str],
    now: DateTime<Utc>,
) -> Result<Assertion, BadAssertion> {
    let (header, _) = read_header(assertion, &ALGORITHMS)?;
    if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(BadAssertion::Type);
    }
    let kid = header.kid.ok_or(BadAssertion::UnknownKey)?;
    let key = find_key(keys, &kid).ok_or(BadAssertion::UnknownKey)?;
    let claims: Claims = verify(assertion, header.alg, key)?;
    if claims.iss.as_deref() != Some(client_id) || claims.sub.as_deref() != Some(client_id) {
        return Err(BadAssertion::Subject);
    }
    if !claims.aud.is_some_and(|aud| audiences.iter().any(|url| aud.has(url))) {
        return Err(BadAssertion::Audience);
    }
    let seconds = now.timestamp();
    let exp = claims.exp.ok_or(BadAssertion::Time)?;
    let is_early = |at: Option<i64>| at.is_some_and(|at| at > seconds.saturating_add(SKEW));
    let is_old = claims.iat.is_some_and(|iat| iat < seconds.saturating_sub(MAX_LIFE + SKEW));
    // An assertion of five minutes, from a clock that is ahead.
    let is_long = exp > seconds.saturating_add(MAX_LIFE + SKEW);
    if exp <= seconds || is_long || is_early(claims.iat) || is_early(claims.nbf) || is_old {
        return Err(BadAssertion::Time);
    }
    let jti = claims.jti.filter(|jti| (1..=255).contains(&jti.len())).ok_or(BadAssertion::Id)?;
    let expires_at = DateTime::from_timestamp(exp, 0).ok_or(BadAssertion::Time)?;
    Ok(Assertion { digest: digest(&format!("assertion\n{client_id}\n{jti}")), expires_at })
}
