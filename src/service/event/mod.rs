//! The use cases of subscribers, one per file. Each writes its change and its audit record in the transaction that
//! it is given. Who may do it, and whose the subscription is, was decided by the front that found it.

mod binding_token;
mod change_subscription;
pub mod channel;
mod create_subscription;
mod delete_subscription;
pub mod endpoint;
pub mod front;
mod give_status;
pub mod number;
mod open_socket;
mod resend;
mod rotate_secret;
pub mod settings;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use base::error::Error;
use base::ids;
use base::secret::Vault;
use domain::account::Caller;
use domain::event::{Secrets, Subscription};

pub use binding_token::{BINDING_TTL, Binding, bind, take_binding};
pub use change_subscription::change_subscription;
pub use create_subscription::{SubscribeError, create_subscription};
pub use delete_subscription::delete_subscription;
pub use give_status::{Next, give_status};
pub use open_socket::{Opened, open_classic_socket, open_socket};
pub use resend::resend;
pub use rotate_secret::rotate_secret;

/// The secrets of a subscription, sealed: these lines, and a new secret to sign with.
fn seal(vault: &Vault, headers: &[String]) -> Result<Secrets, Error> {
    let headers = seal_headers(vault, headers)?;
    Ok(Secrets { headers, signing: seal_signing(vault, &draw_signing()?)?, former: None })
}

fn seal_headers(vault: &Vault, headers: &[String]) -> Result<String, Error> {
    let lines = serde_json::to_string(headers).map_err(Error::fault)?;
    vault.seal(Subscription::HEADERS, &lines).map_err(Error::fault)
}

fn seal_signing(vault: &Vault, secret: &str) -> Result<String, Error> {
    vault.seal(Subscription::SIGNING, secret).map_err(Error::fault)
}

/// A new secret, as Standard Webhooks writes it.
fn draw_signing() -> Result<String, Error> {
    let bytes: [u8; 32] = ids::random_bytes().map_err(Error::fault)?;
    Ok(format!("whsec_{}", STANDARD.encode(bytes)))
}

/// The lines of `Subscription.channel.header`.
///
/// # Errors
///
/// When they were sealed with another key.
pub fn open_headers(vault: &Vault, sealed: &str) -> Result<Vec<String>, Error> {
    let lines = vault.open_sealed(Subscription::HEADERS, sealed).map_err(Error::fault)?;
    serde_json::from_str(&lines).map_err(Error::fault)
}

/// The secret with which deliveries are signed, as its owner knows it.
///
/// # Errors
///
/// When it was sealed with another key.
pub fn open_signing(vault: &Vault, sealed: &str) -> Result<String, Error> {
    vault.open_sealed(Subscription::SIGNING, sealed).map_err(Error::fault)
}

/// An owner as a subscription keeps them: the request by which it was made is over.
fn owner(caller: &Caller) -> Caller {
    Caller { request_id: None, ..caller.clone() }
}

fn reference(subscription: &Subscription) -> String {
    format!("Subscription/{}", subscription.id)
}
