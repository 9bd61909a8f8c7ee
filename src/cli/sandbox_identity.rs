//! Who vouches for callers in the sandbox: an authorization server whose keys live as long as the process,
//! the simulated providers, and two apps to try it with.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::identity::{Identity, audiences, keys_of};
use crate::verb::failure::Failure;
use base::clock::{Clock, SystemClock};
use domain::account::{ClientAuthentication, GrantType, Mode, Registration, Scopes};
use domain::person::NumberCheck;
use idp::{HttpOptions, Providers};
use jose::key::KeyRing;
use service::authority::{Authority, AuthoritySettings, Lifetimes};
use simulated_idp::{Simulated, Which, settings};

/// The secret of the system app: printed in the banner, worth nothing.
const SECRET: &str = "demo-secret";

pub(super) const APPS: &str = "\
Two apps are registered (their log-in is simulated, at /simulated):

  demo-portal  public, for citizens; redirects to http://127.0.0.1:9000/callback or http://localhost:9000/callback
  demo-epr     confidential, for systems; client_secret demo-secret";

/// The authorization server and the providers of a sandbox with this URL.
pub(super) fn identity(public_url: &str, number_check: NumberCheck) -> Result<Identity, Failure> {
    let other = |error: &dyn std::error::Error| Failure::Other(error.to_string());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = Arc::new(KeyRing::generate(clock.now()).map_err(|error| other(&error))?);
    let authority = Arc::new(Authority::new(AuthoritySettings {
        issuer: public_url.to_owned(),
        audiences: audiences(public_url),
        key_folder: None,
        keys,
        registrations: vec![portal(), epr()],
        lifetimes: Lifetimes::default(),
        initial_access: None,
    }));
    let source = keys_of(&authority);
    let options = HttpOptions { allows_loopback: true, number_check, ..HttpOptions::default() };
    let simulated = Which::ALL.into_iter().map(|which| settings(public_url, which)).collect();
    let providers = Providers::new(simulated, &source, options, &clock).map_err(|error| other(&error))?;
    let simulated = Simulated::new(public_url, source, clock.now()).map_err(|error| other(&error))?;
    Ok(Identity { authority: Some(authority), providers, simulated: Some(simulated) })
}

fn portal() -> Registration {
    Registration {
        client_id: "demo-portal".to_owned(),
        name: "Demo portal".to_owned(),
        mode: Mode::Citizen,
        authentication: ClientAuthentication::None,
        redirect_uris: ["http://127.0.0.1:9000/callback", "http://localhost:9000/callback"]
            .map(str::to_owned)
            .into(),
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::TokenExchange],
        scopes: Scopes::of_token(
            "openid fhirUser launch/patient offline_access delegation patient/*.cruds user/*.cruds",
        ),
        may_introspect: false,
        exchange_audiences: Vec::new(),
        logout_uris: vec!["http://127.0.0.1:9000/".to_owned(), "http://localhost:9000/".to_owned()],
        is_dpop_bound: false,
    }
}

fn epr() -> Registration {
    Registration {
        client_id: "demo-epr".to_owned(),
        name: "Demo EPR".to_owned(),
        mode: Mode::System,
        authentication: ClientAuthentication::Secret { sha256: Sha256::digest(SECRET).into() },
        redirect_uris: Vec::new(),
        grant_types: vec![GrantType::ClientCredentials],
        scopes: Scopes::of_token("system/*.cruds"),
        may_introspect: true,
        exchange_audiences: Vec::new(),
        logout_uris: Vec::new(),
        is_dpop_bound: false,
    }
}
