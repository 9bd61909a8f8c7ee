//! A grant: what a person, or the operator, gave to an app. Tokens are issued for it; when it ends, they
//! end with it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::account::proofing::Vector;
use crate::account::registration::Mode;
use crate::account::scope::Scopes;
use crate::person::nhs_number::NhsNumber;
use crate::person::state::PersonState;
use crate::proxy::ods_code::OdsCode;
use crate::proxy::role_state::Status;

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id, which its tokens name.
    pub id: Uuid,
    /// The app, by its `client_id`.
    pub app: String,
    /// For which kind of caller.
    pub mode: Mode,
    /// The user who gave it; none for an app by itself.
    pub user: Option<Uuid>,
    /// The account that it is about: the person themselves, or the patient for whom they act.
    pub patient: Option<NhsNumber>,
    /// Who acts for the patient.
    pub proxy: Option<NhsNumber>,
    /// By which role.
    pub role: Option<Uuid>,
    /// What the app may ask.
    pub scopes: Scopes,
    /// How a citizen was known at the log-in.
    pub vot: Option<Vector>,
    /// A member of staff, as CIS2 knows them.
    pub staff: Option<String>,
    /// The organisation that they work for now.
    pub organisation: Option<OdsCode>,
    /// Who has logged in, as `Type/id` (`fhirUser`).
    pub fhir_user: Option<String>,
    /// The grant from whose token it was exchanged: it is revoked with that one. None for a root.
    pub parent: Option<Uuid>,
    /// The base URLs of the APIs that its tokens are for (RFC 8707 `resource`); none for every API of this server.
    pub audience: Vec<String>,
    /// When it was given.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// Where a grant stands now, read together with the role and the people that it hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantState {
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// What is known of everybody whom it names.
    pub people: Vec<PersonState>,
    /// The role, where it needs one; then its absence ends the grant too.
    pub role: RoleState,
}

/// Where the role of a grant stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleState {
    /// The grant needs none.
    NotNeeded,
    /// There is no such role between the two people of the grant: it was superseded.
    Gone,
    /// There is.
    There {
        /// Its status, as it is stored.
        status: Status,
        /// When it begins.
        start_at: Option<DateTime<Utc>>,
        /// Its last instant.
        end_at: Option<DateTime<Utc>>,
        /// Its version.
        version: i64,
    },
}

/// Why a grant is no longer good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason())]
pub enum Lapsed {
    /// It was revoked, has expired, or never was.
    Ended,
    /// A person whom it names may not appear any more, or has died.
    Person,
    /// The role does not hold now (PX-02, PX-05, PX-08).
    Role,
}

impl Lapsed {
    /// Why, as its text.
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

    /// Whether the grant is good at this instant.
    ///
    /// # Errors
    ///
    /// [`Lapsed`] where it is not.
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
                if start_at.is_none_or(|start| start <= now) && end_at.is_none_or(|end| now <= end) =>
            {
                Ok(())
            }
            RoleState::There { .. } | RoleState::Gone => Err(Lapsed::Role),
        }
    }
}
