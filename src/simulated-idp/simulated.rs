//! The simulated providers of a server.

use std::fmt;
use std::sync::Mutex;

use chrono::{DateTime, Utc};

use crate::code::IssuedCodes;
use idp::{KeySource, UpstreamError};
use jose::key::{KeyPurpose, SigningKey};

use crate::which::Which;

/// The client id of the service at the simulated providers.
pub const CLIENT_ID: &str = "onbehalf-sandbox";

/// The simulated providers.
pub struct Simulated {
    /// The URL of this server, without a path.
    pub(crate) public_url: String,
    /// Their signing key: 2048 bits, generated for this process.
    pub(crate) key: SigningKey,
    /// The keys of their one client.
    pub(crate) client_keys: KeySource,
    pub(crate) codes: Mutex<IssuedCodes>,
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulated").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

impl Simulated {
    /// The providers of a server. `client_keys` returns the keys with which the client signs assertions.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Fault`] where no key can be generated.
    pub fn new(public_url: &str, client_keys: KeySource, now: DateTime<Utc>) -> Result<Self, UpstreamError> {
        let key = SigningKey::generate(KeyPurpose::ClientAssertion, now);
        let (key, _) = key.or(Err(UpstreamError::Fault("a key cannot be generated")))?;
        Ok(Self { public_url: public_url.to_owned(), key, client_keys, codes: Mutex::default() })
    }

    /// The issuer identifier of a provider.
    pub fn issuer(&self, which: Which) -> String {
        issuer(&self.public_url, which)
    }

    pub(crate) fn url(&self, which: Which, end: &str) -> String {
        format!("{}/{end}", self.issuer(which))
    }
}

/// The issuer identifier of a simulated provider of the server with this URL.
pub fn issuer(public_url: &str, which: Which) -> String {
    format!("{public_url}/simulated/{}", which.as_str())
}
