//! Single-use values that an app exchanges for tokens: authorization codes and refresh tokens.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// An authorization code (RFC 6749 §4.1.2), between the authorization endpoint and the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The grant.
    pub grant: Uuid,
    /// The redirect URI that the code was sent to: the token request must repeat it (§4.1.3).
    pub redirect_uri: String,
    /// The S256 challenge (RFC 7636 §4.2).
    pub challenge: String,
    /// The `nonce` that the id token repeats.
    pub nonce: Option<String>,
    /// The thumbprint of the key that it is bound to (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A refresh token (RFC 6749 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The grant.
    pub grant: Uuid,
    /// The thumbprint of the key that it is bound to (RFC 9449 §5).
    pub dpop_jkt: Option<String>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// The result of redeeming a single-use value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed<T> {
    /// First use.
    Once(T),
    /// Used before, so it may have been stolen. The grant must end.
    Again(Uuid),
    /// Unknown or expired.
    Never,
}
