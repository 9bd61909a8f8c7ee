//! Who somebody is, as an identity provider has proved it. It says who, never what they may do.

use crate::account::{Mode, Vector};
use crate::person::NhsNumber;
use crate::proxy::OdsCode;

/// What a provider has proved about somebody who has just logged in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The provider's issuer identifier; with `subject` it names the identity.
    pub issuer: String,
    /// The provider's own name for the person.
    pub subject: String,
    /// What kind of person the provider is for.
    pub kind: ProvenKind,
}

/// The part of a proof that depends on whom the provider is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvenKind {
    /// A citizen (NHS login).
    Citizen {
        /// Their NHS number; a provider tells it only of people whom it has proved well enough.
        nhs_number: Option<NhsNumber>,
        /// How well they were proved, and how they showed it now.
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
    /// For which kind of app this person can log in.
    pub const fn mode(&self) -> Mode {
        match self.kind {
            ProvenKind::Citizen { .. } => Mode::Citizen,
            ProvenKind::Staff { .. } => Mode::Staff,
        }
    }
}

/// A person's way to a provider and back: what was sent along, to be held against the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Where the browser goes.
    pub url: String,
    /// `state` (RFC 6749 §10.12).
    pub state: String,
    /// `nonce` (OpenID Connect Core §3.1.2.1).
    pub nonce: String,
    /// The verifier of our own PKCE challenge (RFC 7636).
    pub verifier: String,
}

/// What a provider's answer holds besides `state` (RFC 6749 §4.1.2, RFC 9207).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The code.
    pub code: String,
    /// Who answers; it must be who was asked, where it is said.
    pub iss: Option<String>,
}
