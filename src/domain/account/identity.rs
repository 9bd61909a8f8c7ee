//! Identities that a provider has authenticated. They say who a person is, never what they may do.

use std::fmt;

use crate::account::proofing::Vector;
use crate::account::registration::AccessMode;
use crate::person::nhs_number::NhsNumber;
use crate::proxy::ods_code::OdsCode;

/// What a provider has proved about a person who just logged in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The provider's issuer identifier; with `subject` it names the identity.
    pub issuer: String,
    /// The person's identifier at the provider.
    pub subject: String,
    /// The kind of person that the provider authenticates.
    pub kind: ProvenKind,
    /// The person's e-mail address, as the provider has it.
    pub email: Option<Email>,
}

/// An e-mail address. Its `Debug` form hides it, so that it cannot reach a log by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Accepts characters on both sides of one @, no blank, no control character, at most 254 bytes (RFC
    /// 5321).
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        let is_good = !local.is_empty()
            && !domain.is_empty()
            && text.len() <= 254
            && !text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
        is_good.then(|| Self(text.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(hidden)")
    }
}

/// The part of a proof that depends on the kind of person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvenKind {
    /// A citizen (NHS login).
    Citizen {
        /// Their NHS number; a provider returns it only for people whom it has proved well enough.
        nhs_number: Option<NhsNumber>,
        /// How well their identity was proved, and the credentials of this log-in.
        vot: Vector,
    },
    /// A member of staff (CIS2, at AAL3).
    Staff {
        /// CIS2's user id.
        uid: String,
        /// The organisation of the role that they have selected.
        organisation: OdsCode,
    },
}

impl Proven {
    /// The access mode that this person can log in for.
    pub const fn mode(&self) -> AccessMode {
        match self.kind {
            ProvenKind::Citizen { .. } => AccessMode::Citizen,
            ProvenKind::Staff { .. } => AccessMode::Staff,
        }
    }
}

/// The authorization request to a provider: the values that its response must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The URL that the browser is sent to.
    pub url: String,
    /// `state` (RFC 6749 §10.12).
    pub state: String,
    /// `nonce` (OpenID Connect Core §3.1.2.1).
    pub nonce: String,
    /// The verifier of our own PKCE challenge (RFC 7636).
    pub verifier: String,
}

/// A provider's authorization response (OpenID Connect Core §3.1.2.5), whose `state` matched that of the
/// [`Departure`].
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// `code`.
    pub code: String,
    /// `iss`, the issuer that responds (RFC 9207).
    pub iss: Option<String>,
}

impl fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("iss", &self.iss).finish_non_exhaustive()
    }
}
