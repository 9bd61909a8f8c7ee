//! What an app shows once to get a token: a code, a refresh token.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A code, on its way from the authorization endpoint to the token endpoint (RFC 6749 §4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// What was granted.
    pub grant: Uuid,
    /// Where it was sent: the app must say the same (§4.1.3).
    pub redirect_uri: String,
    /// The S256 challenge (RFC 7636 §4.2).
    pub challenge: String,
    /// What the id token repeats.
    pub nonce: Option<String>,
    /// The thumbprint of the key that it is bound to (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A refresh token (RFC 6749 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// What was granted.
    pub grant: Uuid,
    /// The thumbprint of the key that it is bound to (RFC 9449 §5).
    pub dpop_jkt: Option<String>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// What becomes of something that may be shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed<T> {
    /// It was shown for the first time.
    Once(T),
    /// It was shown before: somebody has stolen it. The grant must end.
    Again(Uuid),
    /// There is none, or its time is over.
    Never,
}
