//! Authentication in the sandbox: an authorization server with keys that exist only in the process, the
//! simulated providers, and sample apps beside those of the settings.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::identity::{Identity, audiences, keys_of};
use crate::verb::failure::CommandFailure;
use base::clock::{Clock, SystemClock};
use config::Config;
use domain::account::{
    AccessMode, ClientAuthentication, GrantType, IntrospectionSubject, Registration, Scopes,
};
use idp::{HttpOptions, Providers};
use jose::key::{KeyPurpose, KeyRing, SigningKey};
use server::TourApp;
use service::authority::{Authority, AuthoritySettings};
use simulated_idp::{Simulated, Which, settings};

/// The secret of the system app. It is printed in the banner and protects nothing.
const SECRET: &str = "demo-secret";
/// The initial access token for registration, unless the settings have another.
const INITIAL: &str = "sandbox";
/// The file of the key of `demo-backend`, beside the sandbox's other files.
const BACKEND_KEY: &str = "onbehalf-sandbox-backend.pem";
const BACKEND_KID: &str = "demo-backend";
const REDIRECTS: [&str; 2] = ["http://127.0.0.1:9000/callback", "http://localhost:9000/callback"];
const LOGGED_OUT: [&str; 2] = ["http://127.0.0.1:9000/", "http://localhost:9000/"];

/// The authentication of a sandbox, and its part of the banner.
pub(super) struct SandboxIdentity {
    pub(super) identity: Identity,
    pub(super) message: String,
}

/// The authorization server and the providers of a sandbox with this URL.
pub(super) fn identity(public_url: &str, config: &Config) -> Result<SandboxIdentity, CommandFailure> {
    let other = |error: &dyn std::error::Error| CommandFailure::Other(error.to_string());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = Arc::new(KeyRing::generate(clock.now()).map_err(|error| other(&error))?);
    let (key_file, key) = backend_key(&config.secrets.key_file, &*clock)?;
    let registrations = registrations(public_url, config, &key)?;
    let message = message(&key_file, config);
    let authority = Arc::new(Authority::new(AuthoritySettings {
        issuer: public_url.to_owned(),
        audiences: audiences(public_url),
        key_folder: None,
        keys,
        registrations,
        lifetimes: config.oauth.lifetimes,
        initial_access: Some(
            config.oauth.registration_token.unwrap_or_else(|| Sha256::digest(INITIAL).into()),
        ),
    }));
    let source = keys_of(&authority);
    let number_check = config.contract.nhs_number_check;
    let options = HttpOptions { allows_loopback: true, number_check, ..HttpOptions::default() };
    let mut providers: Vec<_> = Which::ALL.into_iter().map(|which| settings(public_url, which)).collect();
    for provider in &config.oauth.providers {
        if providers.iter().any(|known| known.id == provider.id) {
            let id = &provider.id;
            let message =
                format!("oauth.providers: the sandbox simulates {id}: give the provider another id");
            return Err(CommandFailure::Other(message));
        }
        providers.push(provider.clone());
    }
    let providers = Providers::new(providers, &source, options, &clock).map_err(|error| other(&error))?;
    let simulated = Simulated::new(public_url, source, clock.now()).map_err(|error| other(&error))?;
    let identity = Identity { authority: Some(authority), providers, simulated: Some(simulated) };
    Ok(SandboxIdentity { identity, message })
}

/// The sandbox's own apps, then those of the settings.
fn registrations(
    public_url: &str,
    config: &Config,
    key: &SigningKey,
) -> Result<Vec<Registration>, CommandFailure> {
    let mut apps = vec![portal(public_url), epr(), backend(key), staff(public_url)];
    for app in &config.oauth.apps {
        if apps.iter().any(|known| known.client_id == app.client_id) {
            let id = &app.client_id;
            let message =
                format!("oauth.apps: {id} is an app of the sandbox itself: give yours another client_id");
            return Err(CommandFailure::Other(message));
        }
        apps.push(app.clone());
    }
    Ok(apps)
}

/// The part of the banner.
fn message(key_file: &Path, config: &Config) -> String {
    let [one, other] = REDIRECTS;
    let apps = &config.oauth.apps;
    let own: Vec<String> =
        apps.iter().map(|app| format!("\n  {:<13} of your settings", app.client_id)).collect();
    let own = own.concat();
    let register = match config.oauth.registration_token {
        Some(_) => {
            "Apps register themselves at /oauth/register with the initial access token of your settings."
                .to_owned()
        }
        None => {
            format!("Apps register themselves at /oauth/register with the initial access token: {INITIAL}")
        }
    };
    format!(
        "\
These apps are registered (their log-in is simulated, at /simulated):

  demo-portal   public, for citizens (NHS login); redirects to {} or {}
  demo-staff    public, for staff (CIS2); redirects to the same
  demo-epr      confidential, for systems; client_secret {SECRET}
  demo-backend  confidential, for systems; private_key_jwt, ES256, kid {BACKEND_KID}; its private key: {}{own}

{register}",
        one,
        other,
        key_file.display()
    )
}

/// The key of `demo-backend`: that of the last run, or a new one. It is valid at a sandbox only.
fn backend_key(beside: &Path, clock: &dyn Clock) -> Result<(PathBuf, SigningKey), CommandFailure> {
    let path = beside.with_file_name(BACKEND_KEY);
    let cannot = |error: &dyn std::error::Error| {
        CommandFailure::Other(format!("the key of demo-backend, {}: {error}", path.display()))
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = SigningKey::generate(KeyPurpose::AccessToken, clock.now());
            let (_, text) = made.map_err(|error| cannot(&error))?;
            fs::write(&path, &text).map_err(|error| cannot(&error))?;
            text
        }
        Err(error) => return Err(cannot(&error)),
    };
    let key = SigningKey::read(KeyPurpose::AccessToken, BACKEND_KID.to_owned(), &text);
    let key = key.map_err(|_unread| {
        let message = format!(
            "{} is not an EC private key: remove it, and the sandbox creates another",
            path.display()
        );
        CommandFailure::Other(message)
    })?;
    Ok((path, key))
}

fn app(client_id: &str, name: &str, mode: AccessMode) -> Registration {
    Registration {
        client_id: client_id.to_owned(),
        name: name.to_owned(),
        mode,
        authentication: ClientAuthentication::None,
        redirect_uris: Vec::new(),
        grant_types: Vec::new(),
        scopes: Scopes::default(),
        may_introspect: false,
        introspection_subject: IntrospectionSubject::Account,
        exchange_audiences: Vec::new(),
        logout_uris: Vec::new(),
        is_dpop_bound: false,
    }
}

/// The portal of `examples/`, and the tour at `/`.
fn redirect_uris(app: TourApp, public_url: &str) -> Vec<String> {
    REDIRECTS.map(str::to_owned).into_iter().chain([app.redirect_uri(public_url)]).collect()
}

fn portal(public_url: &str) -> Registration {
    Registration {
        redirect_uris: redirect_uris(TourApp::Citizen, public_url),
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::TokenExchange],
        scopes: Scopes::of_token(
            "openid fhirUser launch/patient offline_access delegation patient/*.cruds user/*.cruds",
        ),
        logout_uris: LOGGED_OUT.map(str::to_owned).into(),
        ..app(TourApp::Citizen.client_id(), "Demo portal", AccessMode::Citizen)
    }
}

fn staff(public_url: &str) -> Registration {
    Registration {
        redirect_uris: redirect_uris(TourApp::Staff, public_url),
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: Scopes::of_token("openid fhirUser offline_access user/*.cruds"),
        logout_uris: LOGGED_OUT.map(str::to_owned).into(),
        ..app(TourApp::Staff.client_id(), "Demo practice", AccessMode::Staff)
    }
}

fn epr() -> Registration {
    Registration {
        authentication: ClientAuthentication::Secret { sha256: Sha256::digest(SECRET).into() },
        grant_types: vec![GrantType::ClientCredentials],
        scopes: Scopes::of_token("system/*.cruds"),
        may_introspect: true,
        ..app("demo-epr", "Demo EPR", AccessMode::System)
    }
}

fn backend(key: &SigningKey) -> Registration {
    Registration {
        authentication: ClientAuthentication::PrivateKeyJwt { jwks: key.public_set() },
        grant_types: vec![GrantType::ClientCredentials],
        scopes: Scopes::of_token("system/*.cruds"),
        ..app("demo-backend", "Demo backend service", AccessMode::System)
    }
}
