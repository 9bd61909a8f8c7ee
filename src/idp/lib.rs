//! The client of the identity providers: NHS login, CIS2, and any other OpenID provider. It uses the
//! authorization code flow with PKCE, and validates everything that a provider returns.
//!
//! [`document`] caches a provider's documents, [`id_token`] validates a token, [`proof`] maps claims to a
//! proven identity, [`signed`] reads other JWTs of a provider, [`composite`] reads NHS login's tokens of two
//! people.

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
use domain::account::AccessMode;
use domain::account::identity::{AuthorizationResponse, Departure, Proven};

pub use composite::Composite;
pub use error::UpstreamError;
pub use provider::{IssuedTo, Provider, claims_of};
pub use settings::{
    HttpOptions, KeySource, ProviderAuthentication, ProviderKind, ProviderSettings, default_vtr,
};

/// All providers of the settings.
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
    /// Configures the providers. Sends no request.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Fault`] where the HTTP client cannot be built.
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

    /// The providers for this kind of user, in the order of the settings.
    pub fn list(&self, mode: AccessMode) -> impl Iterator<Item = &Provider> {
        self.providers.iter().filter(move |provider| provider.mode == mode)
    }

    /// Starts a log-in at a provider. `callback` is the URL of this server to which the provider redirects
    /// the browser.
    pub async fn begin(&self, provider: &str, callback: &str) -> Result<Departure, UpstreamError> {
        self.find(provider)?.begin(callback).await
    }

    /// Completes a log-in from the authorization response, and returns the proven identity. The caller, which
    /// knows the browser session, must check that `state` is that of the request.
    pub async fn complete(
        &self,
        provider: &str,
        departure: &Departure,
        callback: &str,
        answer: &AuthorizationResponse,
    ) -> Result<Proven, UpstreamError> {
        self.find(provider)?.complete(departure, callback, answer).await
    }

    /// The identity in an id token that a provider issued to one of its `exchange_audiences` (RFC 8693). A
    /// composite token is not accepted here: its subject is not its holder.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`]; `Unknown` where no provider of the settings issued it.
    pub async fn verify_id_token(&self, token: &str, now: DateTime<Utc>) -> Result<Proven, UpstreamError> {
        self.find_issuer(token)?.verify_id_token(token, now).await
    }

    /// The two people of a composite token that a provider issued to one of its `exchange_audiences`. Errors
    /// as [`Providers::verify_id_token`].
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

    /// The provider whose issuer a token names, if its tokens are accepted for exchange. The token is not
    /// verified yet.
    fn find_issuer(&self, token: &str) -> Result<&Provider, UpstreamError> {
        let issuer = provider::unverified_issuer(token)?;
        self.providers.iter().find(|provider| provider.takes_tokens_of(&issuer)).ok_or(UpstreamError::Unknown)
    }
}
