//! A signature is held against one key, by an algorithm that the use allows (RFC 8725 §3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The longest text that is looked at. RSA keys of 4096 bits with every claim take a third of it.
const MAX_LENGTH: usize = 8192;

/// The text is not signed as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// No JWT, or too long for one.
    #[error("it is not a JWT")]
    NotAJwt,
    /// `alg` is none of those that are allowed.
    #[error("its algorithm is not allowed")]
    Algorithm,
    /// The key is none for that algorithm, or too weak.
    #[error("its key is not one for its algorithm")]
    Key,
    /// The signature, or the claims below it.
    #[error("its signature or its claims are wrong")]
    Wrong,
}

/// The header of a JWT, before anything is proved: as it is read, and as it is written.
pub(crate) fn read_header(
    token: &str,
    allowed: &[Algorithm],
) -> Result<(Header, Map<String, Value>), BadSignature> {
    if token.len() > MAX_LENGTH || token.split('.').count() != 3 {
        return Err(BadSignature::NotAJwt);
    }
    let written = read_part(token, 0).ok_or(BadSignature::NotAJwt)?;
    // An algorithm that the library does not know, `none` among them, is no header to it.
    let header = jsonwebtoken::decode_header(token).or(Err(BadSignature::Algorithm))?;
    // What must be understood and is not (RFC 7515 §4.1.11).
    if !allowed.contains(&header.alg) || written.contains_key("crit") {
        return Err(BadSignature::Algorithm);
    }
    Ok((header, written))
}

/// A part of a JWT, decoded and not proved.
pub(crate) fn read_part(token: &str, part: usize) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(part)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Whether a key is one for an algorithm: of its kind, on its curve, not too short (RFC 7518 §3.3, §3.4).
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

/// The claims of a JWT whose signature by this key is good.
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

/// The library checks the signature; we check the claims.
pub fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}
