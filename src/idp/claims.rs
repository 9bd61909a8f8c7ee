//! What providers say of a person: the claims that OpenID Connect Core does not know.

use std::fmt;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};

/// The claims of an id token, or of userinfo. All of it is personal, so `Debug` shows nothing.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ProviderClaims {
    /// NHS login: the vector of trust that was reached.
    pub(super) vot: Option<String>,
    /// NHS login: `P0`, `P5` or `P9`.
    pub(super) identity_proofing_level: Option<String>,
    /// NHS login.
    pub(super) nhs_number: Option<String>,
    /// CIS2: how surely the person was identified when they were registered.
    pub(super) id_assurance_level: Option<Level>,
    /// CIS2: how surely they have shown that it is them.
    pub(super) authentication_assurance_level: Option<Level>,
    /// CIS2: the person.
    pub(super) uid: Option<String>,
    /// CIS2: the person, under its older name.
    pub(super) nhsid_useruid: Option<String>,
    /// CIS2: the role that they have selected, one of `nhsid_nrbac_roles`.
    pub(super) selected_roleid: Option<String>,
    /// CIS2: their roles.
    pub(super) nhsid_nrbac_roles: Vec<StaffRole>,
    /// An ODS code, from a provider that has no roles.
    pub(super) ods_code: Option<String>,
    /// Before when the token is not good (RFC 7519 §4.1.5), in seconds since 1970.
    pub(super) nbf: Option<serde_json::Number>,
    /// Where the person can be written to, and whether the provider has made sure of it; userinfo says so.
    pub(super) email: Option<String>,
    pub(super) email_verified: Option<bool>,
    /// NHS login's composite token: who acts.
    pub(super) act: Option<Act>,
}

impl fmt::Debug for ProviderClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderClaims").finish_non_exhaustive()
    }
}

impl AdditionalClaims for ProviderClaims {}

/// A level, which CIS2 writes as text; others might write it as a number.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Level {
    Text(String),
    Number(u8),
}

impl Level {
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

/// Who acts: in a composite token `sub` is their own identity token.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Act {
    pub(super) sub: String,
}

/// What NHS login says in its access token, where that is a JWT.
#[derive(Deserialize)]
pub(super) struct AccessClaims {
    pub(super) iss: String,
    pub(super) sub: String,
    #[serde(default)]
    pub(super) vot: Option<String>,
}

/// What the userinfo endpoint answers. `iss` and `aud` stand there where the answer is signed (§5.3.2).
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
