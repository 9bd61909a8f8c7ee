//! Verifies what other parties sign: client assertions, DPoP proofs, and tokens of other issuers that are to
//! be exchanged; and holds the service's own keys.
//!
//! A signature is verified with one key, by an algorithm that the use allows: never one that the token itself
//! chose (RFC 8725 §3.1), and never `none` or one with a shared secret.

pub mod assertion;
pub mod dpop;
pub mod key;
mod lockout;
mod replay_cache;
mod signature;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde_json::Value;

pub use lockout::Lockout;
pub use replay_cache::ReplayCache;
use signature::fits;
pub use signature::{BadSignature, signature_only};

/// The private members of a JWK (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Reads an app's public key set. Each key has an id and fits an algorithm that assertions may use.
pub fn read_keys(set: &Value) -> Option<JwkSet> {
    let written = set.get("keys")?.as_array()?;
    let is_secret = |key: &Value| SECRET_MEMBERS.iter().any(|member| key.get(*member).is_some());
    let keys: JwkSet = serde_json::from_value(set.clone()).ok()?;
    let is_good = |key: &Jwk| {
        key.common.key_id.is_some() && assertion::ALGORITHMS.iter().any(|algorithm| fits(key, *algorithm))
    };
    let is_set = (1..=20).contains(&keys.keys.len()) && keys.keys.len() == written.len();
    (is_set && !written.iter().any(is_secret) && keys.keys.iter().all(is_good)).then_some(keys)
}
