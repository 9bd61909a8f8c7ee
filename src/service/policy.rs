//! The access policy of a running service: whom it lets in beside those with a token of its own, and what of the data of
//! others it shows a caller at this instant.

use std::fmt;

use chrono::{DateTime, Utc};

use base::date_time::to_millis;
use base::token::sha256;
use domain::account::Who;
use domain::person::NhsNumber;
use store::search::Scope;

/// How callers without a token of ours are told apart.
#[derive(Clone, Debug)]
pub enum AccessPolicy {
    /// Everybody may do everything. Exists in the sandbox only.
    Open,
    /// Callers show a bearer token (RFC 6750) from a fixed list, which may be empty.
    Tokens(Vec<Token>),
}

/// A bearer token that is let in. Only its digest is known here.
#[derive(Clone)]
pub struct Token {
    /// The SHA-256 of the token's bytes.
    pub digest: [u8; 32],
    /// Whom it stands for.
    pub who: Who,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("who", &self.who).finish_non_exhaustive()
    }
}

impl AccessPolicy {
    /// Finds for whom a token of the list stands. The digest is compared, never the token, so the time that
    /// a comparison takes tells nothing about a token.
    pub fn find_who(&self, token: &str) -> Option<Who> {
        match self {
            Self::Open => None,
            Self::Tokens(tokens) => {
                let shown = sha256(token);
                tokens.iter().find(|known| known.digest == shown).map(|known| known.who.clone())
            }
        }
    }
}

/// How far staff see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffReach {
    /// The patients registered at the organisation that they work for now, and the roles that it granted.
    Practice,
    /// Everything that may appear in an answer.
    Everyone,
}

/// `access.mask_reasons` and `access.staff_reach`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// Whether citizens are shown one neutral reason for each state of a role, and nothing of who brought it there.
    pub mask_reasons: bool,
    /// How far staff see, on the FHIR R4 API.
    pub staff_reach: StaffReach,
}

impl Disclosure {
    /// Everything: for the service itself.
    pub const EVERYTHING: Self = Self { mask_reasons: false, staff_reach: StaffReach::Everyone };

    /// For whom reasons and actors are masked: the citizen who is calling, where the settings mask them.
    pub fn masked_for(self, who: &Who) -> Option<NhsNumber> {
        who.user().filter(|_| self.mask_reasons)
    }
}

/// Which rows such a caller may see at this time, where staff see so far.
pub fn scope_of(who: &Who, staff_reach: StaffReach, now: DateTime<Utc>) -> Scope {
    match who {
        Who::Citizen { nhs_number, .. } => Scope::Party { number: *nhs_number, now: to_millis(now) },
        Who::Proxy { proxy, patient, .. } => Scope::Pair { proxy: *proxy, patient: *patient },
        Who::Staff { organisation, .. } if staff_reach == StaffReach::Practice => {
            Scope::Organisation(organisation.clone())
        }
        Who::Anyone | Who::Staff { .. } | Who::System { .. } | Who::Service => Scope::Everything,
    }
}
