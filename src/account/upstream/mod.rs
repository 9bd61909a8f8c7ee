//! The identity providers that people log in with: NHS login, CIS2, and any other OpenID provider. We are
//! their client.

use crate::account::Mode;
use crate::account::identity::{Answer, Departure, Proven};

/// Every provider of the settings.
#[derive(Debug, Default)]
pub struct Providers {
    providers: Vec<Provider>,
}

/// A provider.
#[derive(Debug)]
pub struct Provider {
    /// Its name in the settings and in our URLs.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// For which kind of person it is.
    pub mode: Mode,
}

/// Somebody cannot log in at a provider.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// There is no such provider.
    #[error("there is no such provider")]
    Unknown,
}

impl Providers {
    /// The providers at which such people can log in, in the order of the settings.
    pub fn list(&self, mode: Mode) -> impl Iterator<Item = &Provider> {
        self.providers.iter().filter(move |provider| provider.mode == mode)
    }

    /// Sends somebody to a provider. `callback` is our URL to which the provider sends them back.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    #[expect(clippy::unused_async, reason = "providers answer over the network")]
    pub async fn begin(&self, provider: &str, _callback: &str) -> Result<Departure, UpstreamError> {
        self.find(provider)?;
        Err(UpstreamError::Unknown)
    }

    /// Takes the code with which they came back, and finds out who they are.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    #[expect(clippy::unused_async, reason = "providers answer over the network")]
    pub async fn complete(
        &self,
        provider: &str,
        _departure: &Departure,
        _callback: &str,
        _answer: &Answer,
    ) -> Result<Proven, UpstreamError> {
        self.find(provider)?;
        Err(UpstreamError::Unknown)
    }

    fn find(&self, id: &str) -> Result<&Provider, UpstreamError> {
        self.providers.iter().find(|provider| provider.id == id).ok_or(UpstreamError::Unknown)
    }
}
