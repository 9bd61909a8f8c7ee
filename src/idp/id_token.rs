//! Checks an id token (OpenID Connect Core §3.1.3.7): algorithm, signature, issuer, audience, time, nonce.

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

/// How far a provider's clock may be before ours.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// Signatures that only the provider can make: no `none`, and nothing that a shared secret signs.
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

/// What an id token must fit.
pub(super) struct Expected<'e> {
    /// Who issued it.
    pub(super) issuer: &'e str,
    /// To whom it may have been issued. It must name one of them, and nobody else.
    pub(super) audiences: &'e [String],
    /// The nonce that was sent; none where the token did not come from a log-in with us.
    pub(super) nonce: Option<&'e str>,
    /// The present.
    pub(super) now: DateTime<Utc>,
}

/// The claims of an id token.
pub(super) type Claims = IdTokenClaims<ProviderClaims, CoreGenderClaim>;
type Token =
    IdToken<ProviderClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// The id of the key that signed a token; `None` where it does not say.
///
/// # Errors
///
/// [`UpstreamError::Refused`] for what is no JWT, and for an algorithm that is never taken.
pub(super) fn key_id(token: &str) -> Result<Option<String>, UpstreamError> {
    let header = jsonwebtoken::decode_header(token);
    let header = header.or(Err(UpstreamError::Refused("the id token is no signed JWT")))?;
    if matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
        return Err(UpstreamError::Refused("the id token is signed with a shared secret"));
    }
    Ok(header.kid)
}

/// Whether the key is there that a token says has signed it.
pub(super) fn has_key(keys: &CoreJsonWebKeySet, kid: Option<&str>) -> bool {
    let Some(kid) = kid else { return true };
    keys.keys().iter().any(|key| key.key_id().is_some_and(|known| known.as_str() == kid))
}

/// Checks a token with these keys.
///
/// # Errors
///
/// [`UpstreamError::Refused`].
pub(super) fn verify(
    token: &str,
    keys: &CoreJsonWebKeySet,
    expected: &Expected<'_>,
) -> Result<Claims, UpstreamError> {
    let token: Token = token.parse().or(Err(UpstreamError::Refused("the id token cannot be read")))?;
    let issuer = IssuerUrl::new(expected.issuer.to_owned());
    let issuer = issuer.or(Err(UpstreamError::Fault("the issuer of the settings is no URL")))?;
    let now = expected.now;
    // The audience is held against several names below, which the library does not do.
    let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(String::new()), issuer, keys.clone())
        .set_allowed_algs(ALGORITHMS)
        .require_audience_match(false)
        .set_time_fn(move || now)
        .set_issue_time_verifier_fn(move |issued_at| {
            if issued_at <= now + SKEW { Ok(()) } else { Err("it is of the future".to_owned()) }
        });
    let is_nonce = |nonce: Option<&Nonce>| match (expected.nonce, nonce) {
        (None, _) => Ok(()),
        (Some(sent), Some(got)) if got.secret() == sent => Ok(()),
        (Some(_), _) => Err("it is another".to_owned()),
    };
    let claims = token.into_claims(&verifier, is_nonce).map_err(|error| refused(&error))?;
    let is_expected = |name: &str| expected.audiences.iter().any(|audience| audience == name);
    let audiences = claims.audiences();
    let is_azp = claims.authorized_party().is_none_or(|client| is_expected(client));
    if audiences.is_empty() || !audiences.iter().all(|name| is_expected(name)) || !is_azp {
        return Err(UpstreamError::Refused("the id token is for somebody else"));
    }
    let not_before = claims.additional_claims().nbf.as_ref();
    if not_before.is_some_and(|at| !at.as_f64().is_some_and(|at| at <= seconds(now + SKEW))) {
        return Err(UpstreamError::Refused("the id token is not of this time yet"));
    }
    Ok(claims)
}

/// The seconds since 1970, as a token may write them: with a fraction.
fn seconds(at: DateTime<Utc>) -> f64 {
    u32::try_from(at.timestamp()).map_or(f64::MAX, f64::from)
}

/// The library's reasons, without what they quote.
fn refused(error: &ClaimsVerificationError) -> UpstreamError {
    let is = |matches: bool, said: &'static str| matches.then_some(said);
    let said = is(matches!(error, ClaimsVerificationError::Expired(_)), "the id token is not of this time")
        .or(is(
            matches!(error, ClaimsVerificationError::InvalidIssuer(_)),
            "the id token is another issuer's",
        ))
        .or(is(matches!(error, ClaimsVerificationError::InvalidNonce(_)), "the id token has another nonce"))
        .or(is(
            matches!(error, ClaimsVerificationError::SignatureVerification(_)),
            "the id token's signature is not good",
        ));
    UpstreamError::Refused(said.unwrap_or("the id token breaks a rule"))
}
