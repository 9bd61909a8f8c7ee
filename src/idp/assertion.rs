//! Client assertions with which the service authenticates to a provider (RFC 7523 §3, OpenID Connect Core
//! §9).

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Header;
use serde::Serialize;

use crate::error::UpstreamError;
use base::ids;
use jose::key::{KeyPurpose, KeyRing};

/// `client_assertion_type`.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The life of an assertion: providers accept at most 5 minutes.
const LIFE: TimeDelta = TimeDelta::minutes(4);

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: i64,
    exp: i64,
}

/// Signs an assertion of `client_id` for one token endpoint, RS512 with the newest key for assertions.
pub(super) fn sign(
    keys: &KeyRing,
    client_id: &str,
    token_endpoint: &str,
    now: DateTime<Utc>,
) -> Result<String, UpstreamError> {
    let key = keys.newest(KeyPurpose::ClientAssertion);
    let key = key.ok_or(UpstreamError::Fault("there is no key for client assertions"))?;
    let claims = Assertion {
        iss: client_id,
        sub: client_id,
        aud: token_endpoint,
        jti: ids::new_uuid(now).to_string(),
        iat: now.timestamp(),
        exp: (now + LIFE).timestamp(),
    };
    let mut header = Header::new(KeyPurpose::ClientAssertion.algorithm());
    header.kid = Some(key.kid.clone());
    jsonwebtoken::encode(&header, &claims, &key.signing)
        .or(Err(UpstreamError::Fault("a client assertion cannot be signed")))
}
