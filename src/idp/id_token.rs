//! Validates an id token (OpenID Connect Core §3.1.3.7): algorithm, signature, issuer, audience, time, nonce.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Algorithm;
use openidconnect::core::{
    CoreGenderClaim, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
};
use openidconnect::{
    ClaimsVerificationError, ClientId, IdToken, IdTokenClaims, IssuerUrl, JsonWebKey as _, Nonce,
};

use crate::claims::ProviderClaims;
use crate::error::UpstreamError;

/// How far a provider's clock may be ahead.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// Asymmetric algorithms: no `none`, and none with a shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
];

/// The expected values of an id token.
pub(super) struct ExpectedIdToken<'e> {
    /// The issuer.
    pub(super) issuer: &'e str,
    /// The allowed audiences. The token must name at least one of them, and no other.
    pub(super) audiences: &'e [String],
    /// The nonce of the authorization request; `None` where the token did not come from a log-in here.
    pub(super) nonce: Option<&'e str>,
    /// The current time.
    pub(super) now: DateTime<Utc>,
}

/// The claims of an id token.
pub(super) type Claims = IdTokenClaims<ProviderClaims, CoreGenderClaim>;
type Token =
    IdToken<ProviderClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// The id of the key that signed a token; `None` where it has none.
///
/// # Errors
///
/// [`UpstreamError::Refused`] for a text that is not a JWT, and for an algorithm that is never accepted.
pub(super) fn key_id(token: &str) -> Result<Option<String>, UpstreamError> {
    let header = jsonwebtoken::decode_header(token);
    let header = header.or(Err(UpstreamError::Refused("the id token is not a signed JWT")))?;
    if matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
        return Err(UpstreamError::Refused("the id token is signed with a shared secret"));
    }
    Ok(header.kid)
}

/// Whether the set has the key that a token names.
pub(super) fn has_key(keys: &CoreJsonWebKeySet, kid: Option<&str>) -> bool {
    let Some(kid) = kid else { return true };
    keys.keys().iter().any(|key| key.key_id().is_some_and(|known| known.as_str() == kid))
}

/// Validates a token with these keys.
pub(super) fn verify(
    token: &str,
    keys: &CoreJsonWebKeySet,
    expected: &ExpectedIdToken<'_>,
) -> Result<Claims, UpstreamError> {
    let token: Token = token.parse().or(Err(UpstreamError::Refused("the id token cannot be read")))?;
    let issuer = IssuerUrl::new(expected.issuer.to_owned());
    let issuer = issuer.or(Err(UpstreamError::Fault("the issuer in the settings is not a URL")))?;
    let now = expected.now;
    // The audience is checked against several names below, which the library does not do.
    let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(String::new()), issuer, keys.clone())
        .set_allowed_algs(ALGORITHMS)
        .require_audience_match(false)
        .set_time_fn(move || now)
        .set_issue_time_verifier_fn(move |issued_at| {
            if issued_at <= now + SKEW { Ok(()) } else { Err("it was issued in the future".to_owned()) }
        });
    let is_nonce = |nonce: Option<&Nonce>| match (expected.nonce, nonce) {
        (None, _) => Ok(()),
        (Some(sent), Some(got)) if got.secret() == sent => Ok(()),
        (Some(_), _) => Err("it is another nonce".to_owned()),
    };
    let claims = token.into_claims(&verifier, is_nonce).map_err(|error| refused(&error))?;
    let is_expected = |name: &str| expected.audiences.iter().any(|audience| audience == name);
    let audiences = claims.audiences();
    let is_azp = claims.authorized_party().is_none_or(|client| is_expected(client));
    if audiences.is_empty() || !audiences.iter().all(|name| is_expected(name)) || !is_azp {
        return Err(UpstreamError::Refused("the id token has another audience"));
    }
    let not_before = claims.additional_claims().nbf.as_ref();
    if not_before.is_some_and(|at| !at.as_f64().is_some_and(|at| at <= seconds(now + SKEW))) {
        return Err(UpstreamError::Refused("the id token is not valid yet"));
    }
    Ok(claims)
}

/// A number of seconds since 1970, which a token may write with a fraction.
fn seconds(at: DateTime<Utc>) -> f64 {
    u32::try_from(at.timestamp()).map_or(f64::MAX, f64::from)
}

/// The library's reason, without the values that it quotes.
fn refused(error: &ClaimsVerificationError) -> UpstreamError {
    let is = |matches: bool, said: &'static str| matches.then_some(said);
    let said = is(
        matches!(error, ClaimsVerificationError::Expired(_)),
        "the id token has expired or is not valid yet",
    )
    .or(is(matches!(error, ClaimsVerificationError::InvalidIssuer(_)), "the id token has another issuer"))
    .or(is(matches!(error, ClaimsVerificationError::InvalidNonce(_)), "the id token has another nonce"))
    .or(is(
        matches!(error, ClaimsVerificationError::SignatureVerification(_)),
        "the signature of the id token is not valid",
    ));
    UpstreamError::Refused(said.unwrap_or("the id token is not valid"))
}
