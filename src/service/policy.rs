//! The access policy of a running service: which callers it accepts beside those with its own tokens, and
//! what of other people's data a caller may see at this instant.

use std::fmt;

use chrono::{DateTime, Utc};

use base::date_time::to_millis;
use base::token::sha256;
use domain::account::Principal;
use domain::person::NhsNumber;
use store::search::Visibility;

/// How callers without a token of ours are authenticated.
#[derive(Clone, Debug)]
pub enum AccessPolicy {
    /// Not at all: every caller may do everything. In the sandbox only.
    Open,
    /// By a bearer token (RFC 6750) from a fixed list, which may be empty.
    Tokens(Vec<BearerToken>),
}

/// A bearer token that is accepted. Only its digest is stored.
#[derive(Clone)]
pub struct BearerToken {
    /// The SHA-256 of the token's bytes.
    pub digest: [u8; 32],
    /// Its principal.
    pub principal: Principal,
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken").field("who", &self.principal).finish_non_exhaustive()
    }
}

impl AccessPolicy {
    /// The principal of a token on the list. Digests are compared, never tokens, so the time of a comparison
    /// reveals nothing about a token.
    pub fn find_principal(&self, token: &str) -> Option<Principal> {
        match self {
            Self::Open => None,
            Self::Tokens(tokens) => {
                let shown = sha256(token);
                tokens.iter().find(|known| known.digest == shown).map(|known| known.principal.clone())
            }
        }
    }
}

/// What staff may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffReach {
    /// The patients registered at the organisation that they work for now, and the roles that it granted.
    Practice,
    /// Everything that may appear in an answer.
    Everyone,
}

/// `access.mask_reasons` and `access.staff_reach`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisclosurePolicy {
    /// Whether citizens see one neutral reason per status of a role, and not who set it.
    pub mask_reasons: bool,
    /// What staff may see on the FHIR R4 API.
    pub staff_reach: StaffReach,
}

impl DisclosurePolicy {
    /// Everything: for the service itself.
    pub const EVERYTHING: Self = Self { mask_reasons: false, staff_reach: StaffReach::Everyone };

    /// The citizen for whom reasons and actors are masked, where the settings mask them.
    pub fn masked_for(self, principal: &Principal) -> Option<NhsNumber> {
        principal.user().filter(|_| self.mask_reasons)
    }
}

/// The rows that such a caller may see at this time, with this reach of staff.
pub fn scope_of(principal: &Principal, staff_reach: StaffReach, now: DateTime<Utc>) -> Visibility {
    match principal {
        Principal::Citizen { nhs_number, .. } => {
            Visibility::Party { number: *nhs_number, now: to_millis(now) }
        }
        Principal::Proxy { proxy, patient, .. } => Visibility::Pair { proxy: *proxy, patient: *patient },
        Principal::Staff { organisation, .. } if staff_reach == StaffReach::Practice => {
            Visibility::Organisation(organisation.clone())
        }
        Principal::Anyone | Principal::Staff { .. } | Principal::System { .. } | Principal::Service => {
            Visibility::Everything
        }
    }
}
