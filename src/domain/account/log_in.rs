//! A log-in at the authorization endpoint: the app's request, and the stage that the person has reached.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::account::identity::{Departure, Proven, ProvenKind};
use crate::account::proofing::Proofing;
use crate::account::scope::{NamedScope, Scopes};
use crate::person::nhs_number::NhsNumber;

/// An app's authorization request (RFC 6749 §4.1.1), validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Where the response goes: one of the app's redirect URIs.
    pub redirect_uri: String,
    /// The `state` that the response repeats.
    pub state: String,
    /// The scopes requested, of those that the app may request.
    pub scopes: Scopes,
    /// The S256 challenge (RFC 7636 §4.2).
    pub challenge: String,
    /// The `nonce` that the id token repeats (OpenID Connect Core §3.1.2.1).
    pub nonce: Option<String>,
    /// The thumbprint of the key that the code is to be bound to (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
    /// The APIs that its tokens are to be for, as `resource` names them (RFC 8707); none for every API of this server.
    pub audience: Vec<String>,
}

/// A log-in, from the app's request to the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIn {
    /// The app, by its `client_id`.
    pub app: String,
    /// The request.
    pub request: AuthorizationRequest,
    /// The stage reached.
    pub stage: LogInStage,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// The stage of a log-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogInStage {
    /// The browser has not been sent to a provider yet.
    Begun,
    /// The person is at a provider.
    Away {
        /// The provider.
        provider: String,
        /// The request to it.
        departure: Departure,
    },
    /// The person is authenticated, and at a provider again to link a second identity.
    Linking {
        /// The person.
        person: KnownPerson,
        /// Whom they act for.
        acting: Option<Acting>,
        /// The provider.
        provider: String,
        /// The request to it.
        departure: Departure,
    },
    /// The person is back and authenticated.
    Known {
        /// The person.
        person: KnownPerson,
        /// Whom they act for; `None` until they have chosen.
        acting: Option<Acting>,
    },
}

/// A person who has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// The user.
    pub user: Uuid,
    /// What the provider has proved in this session.
    pub proven: Proven,
}

/// Whom a person acts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting {
    /// For themselves.
    Oneself,
    /// For another person.
    For {
        /// The patient.
        patient: NhsNumber,
        /// The role. It is read again before anything is granted.
        role: Uuid,
    },
}

impl LogIn {
    /// How long a log-in may take: NHS login's pages, with a second factor, included.
    pub const TTL: TimeDelta = TimeDelta::minutes(15);

    /// Whether the person must choose a patient: the app asks for one, and the person is a citizen.
    pub fn asks_for_whom(&self) -> bool {
        let is_citizen = self.person().is_some_and(KnownPerson::is_citizen);
        is_citizen && self.request.scopes.has(NamedScope::LaunchPatient)
    }

    /// The person, once authenticated.
    pub const fn person(&self) -> Option<&KnownPerson> {
        match &self.stage {
            LogInStage::Known { person, .. } | LogInStage::Linking { person, .. } => Some(person),
            LogInStage::Begun | LogInStage::Away { .. } => None,
        }
    }
}

impl LogInStage {
    /// The log-in after its person has linked a second identity, or has cancelled that.
    #[must_use]
    pub fn after_linking(self) -> Self {
        match self {
            Self::Linking { person, acting, .. } => Self::Known { person, acting },
            other @ (Self::Begun | Self::Away { .. } | Self::Known { .. }) => other,
        }
    }
}

impl KnownPerson {
    /// Whether the person is a citizen, who can link a second identity.
    pub const fn is_citizen(&self) -> bool {
        matches!(self.proven.kind, ProvenKind::Citizen { .. })
    }

    /// The NHS number of a citizen whose identity is proved well enough (P9).
    pub fn proved_number(&self) -> Option<NhsNumber> {
        match &self.proven.kind {
            ProvenKind::Citizen { nhs_number, vot } if vot.proofing >= Proofing::P9 => *nhs_number,
            ProvenKind::Citizen { .. } | ProvenKind::Staff { .. } => None,
        }
    }
}
