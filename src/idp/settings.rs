//! What is said about a provider in the settings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::account::{Mode, Vector};
use domain::person::NumberCheck;
use jose::key::KeyRing;

/// A provider, as the settings describe it.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Its name in the settings and in our URLs.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Which provider's ways it has.
    pub kind: ProviderKind,
    /// Its issuer identifier: an https URL, to which `/.well-known/openid-configuration` is added.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// How we prove that.
    pub authentication: ProviderAuthentication,
    /// The scopes that are asked for, `openid` among them.
    pub scopes: Vec<String>,
    /// To which clients an id token may have been issued that is shown at our token endpoint (RFC 8693);
    /// without any, the provider's id tokens are not taken there.
    pub exchange_audiences: Vec<String>,
}

/// Which provider's ways a provider has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// NHS login (External Interface Specification 2.1).
    NhsLogin {
        /// The vectors of trust of which one is needed.
        vtr: Vec<Vector>,
    },
    /// CIS2.
    Cis2 {
        /// The least level of authentication assurance: 3, but for tests of integration.
        minimum_aal: u8,
    },
    /// Any other OpenID provider. It says who, but proves nobody's NHS number.
    Generic {
        /// For whom it is.
        mode: Mode,
    },
}

impl ProviderKind {
    /// For which kind of person the provider is.
    pub const fn mode(&self) -> Mode {
        match self {
            Self::NhsLogin { .. } => Mode::Citizen,
            Self::Cis2 { .. } => Mode::Staff,
            Self::Generic { mode } => *mode,
        }
    }
}

/// The vectors of trust that NHS login itself takes for a client that asks for none.
pub fn default_vtr() -> Vec<Vector> {
    ["P9.Cp.Cd", "P9.Cp.Ck", "P9.Cm"].into_iter().filter_map(|text| Vector::parse(text).ok()).collect()
}

/// How we prove to a provider who we are.
#[derive(Clone)]
pub enum ProviderAuthentication {
    /// By an assertion that our newest key for client assertions signs (RFC 7523, RS512).
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

/// Gives our keys as they are now, so that a rotation is heard of.
pub type KeySource = Arc<dyn Fn() -> Arc<KeyRing> + Send + Sync>;

/// How providers are spoken with.
#[derive(Clone, Copy, Debug)]
pub struct HttpOptions {
    /// How long an answer may take.
    pub timeout: Duration,
    /// The largest answer, in bytes.
    pub max_bytes: usize,
    /// Whether `http` will do on this machine itself: for the sandbox and for tests.
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
