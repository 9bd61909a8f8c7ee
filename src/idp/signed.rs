//! JWTs of a provider other than id tokens: access tokens, and signed userinfo (OpenID Connect Core §5.3.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use openidconnect::core::CoreJsonWebKeySet;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::UpstreamError;
use jose::signature_only;

/// Asymmetric algorithms, as for id tokens.
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
];

const NOT_GOOD: UpstreamError =
    UpstreamError::Refused("the signature of the provider's response is not valid");

/// Whether a text has the form of a JWT: three parts, of which the first is a JSON object with an algorithm.
pub(super) fn is_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let [head, _, _] = parts.as_slice() else { return false };
    let head = URL_SAFE_NO_PAD.decode(head).ok();
    let head: Option<Map<String, Value>> = head.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    head.is_some_and(|head| head.contains_key("alg"))
}

/// The claims of a JWT that one of these keys has signed.
pub(super) fn read<T: DeserializeOwned>(token: &str, keys: &CoreJsonWebKeySet) -> Result<T, UpstreamError> {
    let header = jsonwebtoken::decode_header(token).or(Err(NOT_GOOD))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(NOT_GOOD);
    }
    let keys: JwkSet = serde_json::to_value(keys).and_then(serde_json::from_value).or(Err(NOT_GOOD))?;
    let key = match &header.kid {
        Some(kid) => keys.find(kid),
        None => keys.keys.first().filter(|_| keys.keys.len() == 1),
    };
    let key = DecodingKey::from_jwk(key.ok_or(NOT_GOOD)?).or(Err(NOT_GOOD))?;
    let read = jsonwebtoken::decode(token, &key, &signature_only(header.alg));
    Ok(read.or(Err(NOT_GOOD))?.claims)
}
