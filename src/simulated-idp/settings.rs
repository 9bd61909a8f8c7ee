//! The settings of the service as the one client of the simulated providers.

use crate::simulated::{CLIENT_ID, issuer};
use crate::which::Which;
use idp::{ProviderAuthentication, ProviderKind, ProviderSettings, default_vtr};

/// The settings for a simulated provider of a server with this URL.
pub fn settings(public_url: &str, which: Which) -> ProviderSettings {
    let (name, kind, scopes) = match which {
        Which::NhsLogin => (
            "NHS login (simulated)",
            ProviderKind::NhsLogin { vtr: default_vtr() },
            "openid profile profile_extended",
        ),
        Which::Cis2 => (
            "CIS2 (simulated)",
            ProviderKind::Cis2 { minimum_aal: 3 },
            "openid profile nhsperson associatedorgs nationalrbacaccess selectedrole",
        ),
    };
    ProviderSettings {
        id: which.as_str().to_owned(),
        name: name.to_owned(),
        kind,
        issuer: issuer(public_url, which),
        client_id: CLIENT_ID.to_owned(),
        authentication: ProviderAuthentication::PrivateKeyJwt,
        scopes: scopes.split(' ').map(str::to_owned).collect(),
        exchange_audiences: vec![CLIENT_ID.to_owned()],
    }
}
