//! Encryption of the secrets of subscriptions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use base::error::Error;
use base::ids;
use base::secret::Vault;
use domain::event::{Subscription, SubscriptionSecrets};

/// The encrypted secrets of a subscription: these headers, and a new signing secret.
pub(super) fn seal(vault: &Vault, headers: &[String]) -> Result<SubscriptionSecrets, Error> {
    let headers = seal_headers(vault, headers)?;
    Ok(SubscriptionSecrets { headers, signing: seal_signing(vault, &draw_signing()?)?, former: None })
}

pub(super) fn seal_headers(vault: &Vault, headers: &[String]) -> Result<String, Error> {
    let lines = serde_json::to_string(headers).map_err(Error::fault)?;
    vault.seal(Subscription::HEADERS, &lines).map_err(Error::fault)
}

pub(super) fn seal_signing(vault: &Vault, secret: &str) -> Result<String, Error> {
    vault.seal(Subscription::SIGNING, secret).map_err(Error::fault)
}

/// A new secret in the form of Standard Webhooks.
pub(super) fn draw_signing() -> Result<String, Error> {
    let bytes: [u8; 32] = ids::random_bytes().map_err(Error::fault)?;
    Ok(format!("whsec_{}", STANDARD.encode(bytes)))
}

/// The lines of `Subscription.channel.header`.
///
/// # Errors
///
/// When they were encrypted with another key.
pub fn open_headers(vault: &Vault, sealed: &str) -> Result<Vec<String>, Error> {
    let lines = vault.open_sealed(Subscription::HEADERS, sealed).map_err(Error::fault)?;
    serde_json::from_str(&lines).map_err(Error::fault)
}

/// The secret that signs deliveries, in its owner's form.
///
/// # Errors
///
/// When it was encrypted with another key.
pub fn open_signing(vault: &Vault, sealed: &str) -> Result<String, Error> {
    vault.open_sealed(Subscription::SIGNING, sealed).map_err(Error::fault)
}
