//! Signatures of deliveries, by which a consumer verifies their origin and age: Standard Webhooks
//! (<https://www.standardwebhooks.com/>), symmetric, `v1`.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

/// The prefix of a secret, as its owner sees it.
const PREFIX: &str = "whsec_";

/// The text is not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is whsec_ and base64")]
pub struct NotASecret;

/// The header lines of a message with this id and body: `webhook-id`, `webhook-timestamp` (seconds) and
/// `webhook-signature`, which has one signature per secret, separated by spaces. A consumer accepts the
/// message when one of them is valid.
///
/// # Errors
///
/// [`NotASecret`].
pub fn sign(
    secrets: &[String],
    id: &str,
    at: DateTime<Utc>,
    body: &[u8],
) -> Result<[(String, String); 3], NotASecret> {
    let timestamp = at.timestamp().to_string();
    let mut signatures = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let key = secret.strip_prefix(PREFIX).unwrap_or(secret);
        let key = STANDARD.decode(key).or(Err(NotASecret))?;
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            context.update(part);
        }
        signatures.push(format!("v1,{}", STANDARD.encode(context.sign())));
    }
    Ok([
        ("webhook-id".to_owned(), id.to_owned()),
        ("webhook-timestamp".to_owned(), timestamp),
        ("webhook-signature".to_owned(), signatures.join(" ")),
    ])
}

#[cfg(test)]
mod tests {
    use super::{NotASecret, sign};

    #[test]
    fn the_signature_is_that_of_the_published_example() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let at = chrono::DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let signed = sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signed[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(sign(&["whsec_?".to_owned()], "a", at, b""), Err(NotASecret));
    }
}
