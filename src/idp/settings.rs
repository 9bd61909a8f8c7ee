//! The settings of a provider.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::account::{AccessMode, Vector};
use domain::person::NumberCheck;
use jose::key::KeyRing;

/// The settings of a provider.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Its name in the settings and in this server's URLs.
    pub id: String,
    /// Its name for users.
    pub name: String,
    /// The kind of the provider.
    pub kind: ProviderKind,
    /// Its issuer identifier: an https URL, to which `/.well-known/openid-configuration` is added.
    pub issuer: String,
    /// The client id of the service there.
    pub client_id: String,
    /// How the service authenticates there.
    pub authentication: ProviderAuthentication,
    /// The requested scopes, `openid` among them.
    pub scopes: Vec<String>,
    /// The audiences of id tokens that the token endpoint accepts for exchange (RFC 8693); if empty, it
    /// accepts no id token of the provider.
    pub exchange_audiences: Vec<String>,
}

/// The kind of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// NHS login (External Interface Specification 2.1).
    NhsLogin {
        /// The vectors of trust, of which one is required.
        vtr: Vec<Vector>,
    },
    /// CIS2.
    Cis2 {
        /// The least level of authentication assurance: 3, except in integration tests.
        minimum_aal: u8,
    },
    /// Any other OpenID provider. It authenticates users, but proves no NHS number.
    Generic {
        /// The kind of user that it is for.
        mode: AccessMode,
    },
}

impl ProviderKind {
    /// The kind of user that the provider is for.
    pub const fn mode(&self) -> AccessMode {
        match self {
            Self::NhsLogin { .. } => AccessMode::Citizen,
            Self::Cis2 { .. } => AccessMode::Staff,
            Self::Generic { mode } => *mode,
        }
    }
}

/// The vectors of trust that NHS login assumes for a request without `vtr`.
pub fn default_vtr() -> Vec<Vector> {
    ["P9.Cp.Cd", "P9.Cp.Ck", "P9.Cm"].into_iter().filter_map(|text| Vector::parse(text).ok()).collect()
}

/// How the service authenticates to a provider.
#[derive(Clone)]
pub enum ProviderAuthentication {
    /// By an assertion signed with the newest key for client assertions (RFC 7523, RS512).
    PrivateKeyJwt,
    /// By a secret (`client_secret_basic`).
    ClientSecret(String),
}

impl fmt::Debug for ProviderAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::ClientSecret(_) => "client_secret_basic",
        })
    }
}

/// Returns the current keys, so that a rotation takes effect.
pub type KeySource = Arc<dyn Fn() -> Arc<KeyRing> + Send + Sync>;

/// The options of HTTP requests to providers.
#[derive(Clone, Copy, Debug)]
pub struct HttpOptions {
    /// The deadline of a response.
    pub timeout: Duration,
    /// The largest response, in bytes.
    pub max_bytes: usize,
    /// Whether `http` on loopback is allowed: for the sandbox and for tests.
    pub allows_loopback: bool,
    /// How NHS numbers are checked.
    pub number_check: NumberCheck,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            max_bytes: 256 * 1024,
            allows_loopback: false,
            number_check: NumberCheck::Modulus11,
        }
    }
}
