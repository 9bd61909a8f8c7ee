//! What an app shows once to get a token: a code, a refresh token.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::error::Error;
use crate::ids;

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

/// The SHA-256 of a secret text, in hexadecimal: what the store keeps of it.
pub fn digest(secret: &str) -> String {
    to_hex(&sha256(secret))
}

/// The SHA-256 of a secret text.
pub fn sha256(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A digest as it is written down.
pub fn to_hex(digest: &[u8; 32]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// A digest as it was written down.
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
    let pairs: Vec<u8> = digits?
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(high << 4 | low),
            _ => None,
        })
        .collect::<Option<_>>()?;
    pairs.try_into().ok()
}

/// Whether a secret is the one with this SHA-256. It takes as long for every wrong one.
pub fn is_secret(shown: &str, sha256: &[u8; 32]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(&self::sha256(shown), sha256).is_ok()
}

/// A secret text for somebody to show to us: 43 letters, 256 bits.
///
/// # Errors
///
/// When the operating system gives no randomness.
pub fn new_secret() -> Result<String, Error> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    ids::random_text::<43>(ALPHABET).map_err(Error::fault)
}

#[cfg(test)]
mod tests {
    use super::{digest, from_hex, is_secret, new_secret, to_hex};

    #[test]
    fn digests_are_written_and_read_alike() {
        let bytes = from_hex(&digest("a secret")).unwrap();
        assert_eq!(to_hex(&bytes), digest("a secret"));
        for wrong in ["", "0", "zz", &"0".repeat(63), &"0".repeat(66)] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_known_by_its_digest() {
        let secret = new_secret().unwrap();
        let sha256 = from_hex(&digest(&secret)).unwrap();
        assert!(is_secret(&secret, &sha256));
        assert!(!is_secret("", &sha256) && !is_secret(&secret.to_lowercase(), &sha256));
        assert_ne!(secret, new_secret().unwrap());
    }
}
