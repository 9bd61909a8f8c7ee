//! Claims that OpenID Connect Core does not define.

use std::fmt;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};

/// The claims of an id token, or of userinfo. All are personal data, so `Debug` prints none.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ProviderClaims {
    /// NHS login: the vector of trust of the log-in.
    pub(super) vot: Option<String>,
    /// NHS login: `P0`, `P5` or `P9`.
    pub(super) identity_proofing_level: Option<String>,
    /// NHS login.
    pub(super) nhs_number: Option<String>,
    /// CIS2: the assurance level of the identity at registration.
    pub(super) id_assurance_level: Option<ClaimedLevel>,
    /// CIS2: the assurance level of the authentication.
    pub(super) authentication_assurance_level: Option<ClaimedLevel>,
    /// CIS2: the user id.
    pub(super) uid: Option<String>,
    /// CIS2: the user id, under its older name.
    pub(super) nhsid_useruid: Option<String>,
    /// CIS2: the selected role, one of `nhsid_nrbac_roles`.
    pub(super) selected_roleid: Option<String>,
    /// CIS2: the user's roles.
    pub(super) nhsid_nrbac_roles: Vec<StaffRole>,
    /// An ODS code, from a provider without roles.
    pub(super) ods_code: Option<String>,
    /// The time before which the token is not valid (RFC 7519 §4.1.5), in seconds since 1970.
    pub(super) nbf: Option<serde_json::Number>,
    /// The email address, and whether the provider has verified it; in userinfo.
    pub(super) email: Option<String>,
    pub(super) email_verified: Option<bool>,
    /// NHS login's composite token: the actor.
    pub(super) act: Option<ActClaim>,
}

impl fmt::Debug for ProviderClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderClaims").finish_non_exhaustive()
    }
}

impl AdditionalClaims for ProviderClaims {}

/// A level, which CIS2 writes as text; other providers might write a number.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum ClaimedLevel {
    Text(String),
    Number(u8),
}

impl ClaimedLevel {
    pub(super) fn value(&self) -> Option<u8> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => Some(*number),
        }
    }
}

/// A role of a member of staff (national RBAC).
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StaffRole {
    pub(super) person_roleid: String,
    #[serde(default)]
    pub(super) org_code: Option<String>,
}

/// The actor of a composite token: `sub` is the actor's own identity token.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ActClaim {
    pub(super) sub: String,
}

/// The claims of NHS login's access token, where that is a JWT.
#[derive(Deserialize)]
pub(super) struct NhsLoginAccessClaims {
    pub(super) iss: String,
    pub(super) sub: String,
    #[serde(default)]
    pub(super) vot: Option<String>,
}

/// A userinfo response. A signed one has `iss` and `aud` (§5.3.2).
#[derive(Deserialize)]
pub(super) struct UserInfo {
    pub(super) sub: String,
    #[serde(default)]
    pub(super) iss: Option<String>,
    #[serde(default)]
    pub(super) aud: Option<OneOrMany>,
    #[serde(flatten)]
    pub(super) claims: ProviderClaims,
}

/// `aud`: one text, or several (RFC 7519 §4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(several) => several.iter().any(|one| one == name),
        }
    }
}
