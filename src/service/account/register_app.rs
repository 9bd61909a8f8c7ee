//! Dynamic client registration (RFC 7591).

use chrono::{DateTime, Utc};

use base::error::Error;
use base::ids;
use base::token::{self, new_secret};
use domain::account::Registration;
use store::Tx;

/// A new app's registration, with its secret, which is returned once.
#[derive(Clone)]
pub struct Registered {
    /// The app as it is registered.
    pub app: Registration,
    /// Its secret, if it authenticates by one. Only its SHA-256 is kept.
    pub secret: Option<String>,
}

/// Gives an app an id, and a secret if it is to have one, and stores it.
///
/// # Errors
///
/// Database errors; when the operating system gives no randomness.
pub fn register_app(tx: &mut Tx<'_>, mut app: Registration, now: DateTime<Utc>) -> Result<Registered, Error> {
    app.client_id = ids::new_uuid(now).to_string();
    let mut secret = None;
    if let domain::account::ClientAuthentication::Secret { sha256 } = &mut app.authentication {
        let new = new_secret()?;
        *sha256 = token::sha256(&new);
        secret = Some(new);
    }
    tx.insert_app(&app, now)?;
    Ok(Registered { app, secret })
}
