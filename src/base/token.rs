//! Random secrets, and the digests that are stored of them.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::ids;

/// The SHA-256 of a secret, in hexadecimal, as the store keeps it.
pub fn digest(secret: &str) -> String {
    to_hex(&sha256(secret))
}

/// The SHA-256 of a secret.
pub fn sha256(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Formats a digest in hexadecimal.
pub fn to_hex(digest: &[u8; 32]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// Parses a digest in hexadecimal.
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

/// Whether a secret has this SHA-256, compared in constant time.
pub fn is_secret(shown: &str, sha256: &[u8; 32]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(&self::sha256(shown), sha256).is_ok()
}

/// A new secret for a client: 43 letters, 256 bits.
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
    fn digest_hex_round_trip() {
        let bytes = from_hex(&digest("a secret")).unwrap();
        assert_eq!(to_hex(&bytes), digest("a secret"));
        for wrong in ["", "0", "zz", &"0".repeat(63), &"0".repeat(66)] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn secret_is_verified_by_its_sha256() {
        let secret = new_secret().unwrap();
        let sha256 = from_hex(&digest(&secret)).unwrap();
        assert!(is_secret(&secret, &sha256));
        assert!(!is_secret("", &sha256) && !is_secret(&secret.to_lowercase(), &sha256));
        assert_ne!(secret, new_secret().unwrap());
    }
}
