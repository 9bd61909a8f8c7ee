//! A person on their way through the pages of the authorization endpoint: what the app asks, and how far
//! they have come.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::account::identity::{Departure, Proven, ProvenKind};
use crate::account::proofing::Proofing;
use crate::account::scope::{Scopes, Word};
use crate::person::nhs_number::NhsNumber;

/// What an app asks of a person (RFC 6749 §4.1.1), checked: nothing here is taken on trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Where the answer goes: one of the app's redirect URIs.
    pub redirect_uri: String,
    /// What the answer repeats.
    pub state: String,
    /// What it asks, of what it may ask.
    pub scopes: Scopes,
    /// The S256 challenge (RFC 7636 §4.2).
    pub challenge: String,
    /// What the id token repeats (OpenID Connect Core §3.1.2.1).
    pub nonce: Option<String>,
    /// The thumbprint of the key that the code is to be bound to (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
    /// The APIs that its tokens are to be for, as `resource` names them (RFC 8707); none for every API of this server.
    pub audience: Vec<String>,
}

/// A log-in, from the app's request to the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIn {
    /// The app, by its `client_id`.
    pub app: String,
    /// What it asks.
    pub request: AuthorizationRequest,
    /// How far it has come.
    pub stage: Stage,
    /// When it is given up.
    pub expires_at: DateTime<Utc>,
}

/// How far a log-in has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The person has not been sent anywhere yet.
    Begun,
    /// They are at a provider.
    Away {
        /// The provider.
        provider: String,
        /// What was sent along.
        departure: Departure,
    },
    /// They are known, and at a provider once more: to bring a second identity.
    Linking {
        /// Who it is.
        person: KnownPerson,
        /// For whom they act now.
        acting: Option<Acting>,
        /// The provider.
        provider: String,
        /// What was sent along.
        departure: Departure,
    },
    /// They have come back, and are known.
    Known {
        /// Who it is.
        person: KnownPerson,
        /// For whom they act now; `None` until they have said so.
        acting: Option<Acting>,
    },
}

/// Somebody who has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// The user.
    pub user: Uuid,
    /// What the provider has proved in this sitting.
    pub proven: Proven,
}

/// For whom somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting {
    /// For themselves.
    Oneself,
    /// For somebody else.
    For {
        /// For whom.
        patient: NhsNumber,
        /// By which role. It is read again before anything is granted.
        role: Uuid,
    },
}

impl LogIn {
    /// How long a person may take: NHS login's pages, with a second factor, included.
    pub const TTL: TimeDelta = TimeDelta::minutes(15);

    /// Whether the person is to say for whom they act: the app asks for a patient, and a member of staff
    /// stands for nobody.
    pub fn asks_for_whom(&self) -> bool {
        let is_citizen = self.person().is_some_and(KnownPerson::is_citizen);
        is_citizen && self.request.scopes.has(Word::LaunchPatient)
    }

    /// Who it is, once that is known.
    pub const fn person(&self) -> Option<&KnownPerson> {
        match &self.stage {
            Stage::Known { person, .. } | Stage::Linking { person, .. } => Some(person),
            Stage::Begun | Stage::Away { .. } => None,
        }
    }
}

impl Stage {
    /// Where a log-in stands when its person comes back from linking a second identity, or does not go on
    /// with that.
    #[must_use]
    pub fn after_linking(self) -> Self {
        match self {
            Self::Linking { person, acting, .. } => Self::Known { person, acting },
            other @ (Self::Begun | Self::Away { .. } | Self::Known { .. }) => other,
        }
    }
}

impl KnownPerson {
    /// Whether it is a citizen, who can bring a second identity.
    pub const fn is_citizen(&self) -> bool {
        matches!(self.proven.kind, ProvenKind::Citizen { .. })
    }

    /// The NHS number of a citizen who was proved well enough (P9).
    pub fn proved_number(&self) -> Option<NhsNumber> {
        match &self.proven.kind {
            ProvenKind::Citizen { nhs_number, vot } if vot.proofing >= Proofing::P9 => *nhs_number,
            ProvenKind::Citizen { .. } | ProvenKind::Staff { .. } => None,
        }
    }
}
