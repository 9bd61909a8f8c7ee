//! Verifies a signature with one key, by an algorithm that the use allows (RFC 8725 §3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The longest accepted JWT. RSA keys of 4096 bits with every claim take a third of it.
const MAX_LENGTH: usize = 8192;

/// Why a JWT is not validly signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// Not a JWT, or too long for one.
    #[error("it is not a JWT")]
    NotAJwt,
    /// `alg` is not an allowed one.
    #[error("its algorithm is not allowed")]
    Algorithm,
    /// The key does not fit the algorithm, or is too weak.
    #[error("its key does not fit its algorithm")]
    Key,
    /// The signature, or the form of the claims.
    #[error("its signature or its claims are wrong")]
    Wrong,
}

/// The unverified header of a JWT: parsed, and as a JSON object.
pub(crate) fn read_header(
    token: &str,
    allowed: &[Algorithm],
) -> Result<(Header, Map<String, Value>), BadSignature> {
    if token.len() > MAX_LENGTH || token.split('.').count() != 3 {
        return Err(BadSignature::NotAJwt);
    }
    let written = read_part(token, 0).ok_or(BadSignature::NotAJwt)?;
    // The library fails on an algorithm that it does not know, `none` among them.
    let header = jsonwebtoken::decode_header(token).or(Err(BadSignature::Algorithm))?;
    // `crit` names extensions that must be understood (RFC 7515 §4.1.11): none are.
    if !allowed.contains(&header.alg) || written.contains_key("crit") {
        return Err(BadSignature::Algorithm);
    }
    Ok((header, written))
}

/// A part of a JWT, decoded and unverified.
pub(crate) fn read_part(token: &str, part: usize) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(part)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Whether a key fits an algorithm: key type, curve, length (RFC 7518 §3.3, §3.4).
pub(crate) fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let named = key.common.key_algorithm.map(|named| named.to_string());
    if named.is_some_and(|named| named != format!("{algorithm:?}")) {
        return false;
    }
    if let AlgorithmParameters::EllipticCurve(curve) = &key.algorithm {
        return matches!(
            (algorithm, &curve.curve),
            (Algorithm::ES256, EllipticCurve::P256) | (Algorithm::ES384, EllipticCurve::P384)
        );
    }
    let AlgorithmParameters::RSA(rsa) = &key.algorithm else { return false };
    let length = URL_SAFE_NO_PAD.decode(&rsa.n).map_or(0, |bytes| bytes.len());
    let is_rsa =
        matches!(algorithm, Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::PS256);
    is_rsa && (256..=1024).contains(&length)
}

/// The claims of a JWT, if its signature by this key is valid.
pub(crate) fn verify<T: DeserializeOwned>(
    token: &str,
    algorithm: Algorithm,
    key: &Jwk,
) -> Result<T, BadSignature> {
    if !fits(key, algorithm) {
        return Err(BadSignature::Key);
    }
    let key = DecodingKey::from_jwk(key).or(Err(BadSignature::Key))?;
    let read = jsonwebtoken::decode(token, &key, &signature_only(algorithm));
    Ok(read.or(Err(BadSignature::Wrong))?.claims)
}

/// `aud`: one text, or several (RFC 7519 §4.1.3).
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(crate) fn has(&self, url: &str) -> bool {
        match self {
            Self::One(audience) => audience == url,
            Self::Several(audiences) => audiences.iter().any(|audience| audience == url),
        }
    }
}

/// The library verifies the signature; the claims are validated here.
pub fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}
