//! The authorization server and the identity providers of the settings.

use std::sync::Arc;

use crate::verb::failure::CommandFailure;
use api_fhir as fhir;
use api_vrs as vrs;
use base::clock::{Clock, SystemClock};
use config::Config;
use idp::{HttpOptions, KeySource, Providers};
use jose::key::KeyRing;
use oauth::{AppKeys, Federation};
use server::Identities;
use service::authority::{Authority, AuthoritySettings};
use simulated_idp::Simulated;

/// The authorization server, its providers and the simulated providers.
#[derive(Default)]
pub(super) struct Identity {
    pub(super) authority: Option<Arc<Authority>>,
    pub(super) providers: Providers,
    /// Only in the sandbox.
    pub(super) simulated: Option<Simulated>,
}

impl Identity {
    /// The parts that the routes need, on a server with this URL.
    pub(super) fn identities(self, public_url: &str) -> Result<Identities, CommandFailure> {
        let app_keys = AppKeys::new(public_url).map_err(|error| CommandFailure::Other(error.to_string()))?;
        let federation = Federation { providers: Arc::new(self.providers), app_keys: Arc::new(app_keys) };
        let federation = self.authority.is_some().then_some(federation);
        Ok(Identities { federation, simulated: self.simulated.map(Arc::new) })
    }
}

/// The configured identity services; none where the authorization server is off.
pub(super) fn configured(config: &Config) -> Result<Identity, CommandFailure> {
    let (true, Some(url)) = (config.oauth.enabled, &config.server.public_url) else {
        return Ok(Identity::default());
    };
    let other = |error: &dyn std::error::Error| CommandFailure::Other(error.to_string());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let folder = &config.oauth.keys;
    let authority = Arc::new(Authority::new(AuthoritySettings {
        issuer: url.clone(),
        audiences: audiences(url),
        key_folder: Some(folder.clone()),
        keys: Arc::new(KeyRing::open(folder, clock.now()).map_err(|error| other(&error))?),
        registrations: config.oauth.apps.clone(),
        lifetimes: config.oauth.lifetimes,
        initial_access: config.oauth.registration_token,
    }));
    let options = HttpOptions { number_check: config.contract.nhs_number_check, ..HttpOptions::default() };
    let providers = Providers::new(config.oauth.providers.clone(), &keys_of(&authority), options, &clock);
    let providers = providers.map_err(|error| other(&error))?;
    Ok(Identity { authority: Some(authority), providers, simulated: None })
}

/// The URLs of the APIs, which are the audiences of tokens.
pub(super) fn audiences(public_url: &str) -> Vec<String> {
    [fhir::BASE_PATH, vrs::BASE_PATH].map(|path| format!("{public_url}{path}")).into()
}

/// The current keys of an authorization server.
pub(super) fn keys_of(authority: &Arc<Authority>) -> KeySource {
    let authority = Arc::clone(authority);
    Arc::new(move || authority.keys())
}
