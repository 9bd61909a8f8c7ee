//! A grant: one OAuth authorization, which a person or the operator gave to an app. Tokens are issued for it
//! and end with it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::account::proofing::Vector;
use crate::account::registration::AccessMode;
use crate::account::scope::Scopes;
use crate::person::nhs_number::NhsNumber;
use crate::person::state::PersonState;
use crate::proxy::ods_code::OdsCode;
use crate::proxy::role_state::Status;
use base::date_time::is_within;

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id, which its tokens name.
    pub id: Uuid,
    /// The app, by its `client_id`.
    pub app: String,
    /// The kind of caller.
    pub mode: AccessMode,
    /// The user who gave it; none for an app that acts for itself.
    pub user: Option<Uuid>,
    /// The patient of the account: the person themselves, or the one they act for.
    pub patient: Option<NhsNumber>,
    /// The proxy, where one acts for the patient.
    pub proxy: Option<NhsNumber>,
    /// The role by which the proxy acts.
    pub role: Option<Uuid>,
    /// The granted scopes.
    pub scopes: Scopes,
    /// The vector of trust of a citizen's log-in.
    pub vot: Option<Vector>,
    /// A member of staff, by CIS2's user id.
    pub staff: Option<String>,
    /// The organisation that they work for in this session.
    pub organisation: Option<OdsCode>,
    /// The user who logged in, as `Type/id` (`fhirUser`).
    pub fhir_user: Option<String>,
    /// The grant whose token was exchanged for this one: revoking it revokes this one. None for a root.
    pub parent: Option<Uuid>,
    /// The base URLs of the APIs that its tokens are for (RFC 8707 `resource`); none for every API of this server.
    pub audience: Vec<String>,
    /// When it was granted.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// The state of a grant, read together with the role and the people that it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantState {
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// The state of each person whom it names.
    pub people: Vec<PersonState>,
    /// The role, where the grant needs one; without it the grant has ended.
    pub role: RoleState,
}

/// The state of a grant's role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleState {
    /// The grant needs none.
    NotNeeded,
    /// There is no such role between the two people of the grant: it was superseded.
    Gone,
    /// The role exists.
    There {
        /// Its stored status.
        status: Status,
        /// When it begins.
        start_at: Option<DateTime<Utc>>,
        /// Its last instant.
        end_at: Option<DateTime<Utc>>,
        /// Its version.
        version: i64,
    },
}

/// Why a grant no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason())]
pub enum Lapsed {
    /// It was revoked, has expired, or does not exist.
    Ended,
    /// A person whom it names may no longer appear, or has died.
    Person,
    /// The role is not active now (PX-02, PX-05, PX-08).
    Role,
}

impl Lapsed {
    /// The reason as text.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Ended => "the grant has ended",
            Self::Person => "a person of the grant is not current, or has died",
            Self::Role => "the role is not active",
        }
    }
}

impl GrantState {
    /// The version of the role, where the grant needs one.
    pub const fn role_version(&self) -> Option<i64> {
        match &self.role {
            RoleState::There { version, .. } => Some(*version),
            RoleState::NotNeeded | RoleState::Gone => None,
        }
    }

    /// Checks that the grant holds at this instant.
    ///
    /// # Errors
    ///
    /// [`Lapsed`] where it does not.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Lapsed> {
        if self.revoked_at.is_some() || self.expires_at <= now {
            return Err(Lapsed::Ended);
        }
        if !self.people.iter().all(|person| person.has_grants()) {
            return Err(Lapsed::Person);
        }
        match &self.role {
            RoleState::NotNeeded => Ok(()),
            RoleState::There { status: Status::Active, start_at, end_at, .. }
                if is_within(*start_at, *end_at, now) =>
            {
                Ok(())
            }
            RoleState::There { .. } | RoleState::Gone => Err(Lapsed::Role),
        }
    }
}
