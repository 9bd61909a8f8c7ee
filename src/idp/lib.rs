//! The identity providers that people log in with: NHS login, CIS2, and any other OpenID provider. We are
//! their client: authorization code with PKCE, and nothing that a provider says is taken unchecked.
//!
//! [`document`] keeps what a provider publishes, [`id_token`] checks a token, [`proof`] says what the claims
//! prove, [`signed`] reads what else a provider signs, [`composite`] reads NHS login's tokens of two people.

pub mod assertion;
mod claims;
mod composite;
mod document;
mod error;
mod http;
mod id_token;
mod proof;
mod provider;
mod settings;
mod signed;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::http::Http;
use base::clock::Clock;
use domain::account::Mode;
use domain::account::identity::{Answer, Departure, Proven};

pub use composite::Composite;
pub use error::UpstreamError;
pub use provider::{IssuedTo, Provider, claims_of};
pub use settings::{
    HttpOptions, KeySource, ProviderAuthentication, ProviderKind, ProviderSettings, default_vtr,
};

/// Every provider of the settings.
#[derive(Default)]
pub struct Providers {
    providers: Vec<Provider>,
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.providers.iter().map(|provider| &provider.id)).finish()
    }
}

impl Providers {
    /// Puts the providers together. Nothing is asked of them yet.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Fault`] where the HTTP client cannot be made.
    pub fn new(
        settings: Vec<ProviderSettings>,
        keys: &KeySource,
        options: HttpOptions,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, UpstreamError> {
        let http = Http::new(options)?;
        let make = |settings| {
            Provider::new(settings, Arc::clone(keys), http.clone(), options.number_check, Arc::clone(clock))
        };
        Ok(Self { providers: settings.into_iter().map(make).collect() })
    }

    /// The providers at which such people can log in, in the order of the settings.
    pub fn list(&self, mode: Mode) -> impl Iterator<Item = &Provider> {
        self.providers.iter().filter(move |provider| provider.mode == mode)
    }

    /// Sends somebody to a provider. `callback` is our URL to which the provider sends them back.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    pub async fn begin(&self, provider: &str, callback: &str) -> Result<Departure, UpstreamError> {
        self.find(provider)?.begin(callback).await
    }

    /// Takes the answer with which they came back, and finds out who they are. That its `state` is the
    /// departure's is for the caller to see, who knows the browser.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    pub async fn complete(
        &self,
        provider: &str,
        departure: &Departure,
        callback: &str,
        answer: &Answer,
    ) -> Result<Proven, UpstreamError> {
        self.find(provider)?.complete(departure, callback, answer).await
    }

    /// Whom an id token stands for that a provider issued to one of its `exchange_audiences` (RFC 8693). A
    /// token of two people is not taken here: its subject is not who holds it.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`]; `Unknown` where no provider of the settings issued it.
    pub async fn verify_id_token(&self, token: &str, now: DateTime<Utc>) -> Result<Proven, UpstreamError> {
        self.find_issuer(token)?.verify_id_token(token, now).await
    }

    /// The two people of a composite token that a provider issued to one of its `exchange_audiences`.
    ///
    /// # Errors
    ///
    /// As [`Providers::verify_id_token`].
    pub async fn verify_composite_token(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Composite, UpstreamError> {
        self.find_issuer(token)?.verify_composite_token(token, now).await
    }

    fn find(&self, id: &str) -> Result<&Provider, UpstreamError> {
        self.providers.iter().find(|provider| provider.id == id).ok_or(UpstreamError::Unknown)
    }

    /// The provider whose issuer a token names, if its tokens are taken at all. Nothing is checked yet.
    fn find_issuer(&self, token: &str) -> Result<&Provider, UpstreamError> {
        let issuer = provider::unverified_issuer(token)?;
        self.providers.iter().find(|provider| provider.takes_tokens_of(&issuer)).ok_or(UpstreamError::Unknown)
    }
}
