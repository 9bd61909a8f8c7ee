//! What of the data of others a caller is shown at this instant: the settings of `[access]` and `[contract]` that say
//! it, and what follows from them for a caller.

use chrono::{DateTime, Utc};

use crate::account::Who;
use crate::date_time::to_millis;
use crate::person::NhsNumber;
use crate::store::search::Scope;

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

impl Who {
    /// Which rows this caller may see at this time, where staff see so far.
    pub fn scope(&self, staff_reach: StaffReach, now: DateTime<Utc>) -> Scope {
        match self {
            Self::Citizen { nhs_number, .. } => Scope::Party { number: *nhs_number, now: to_millis(now) },
            Self::Proxy { proxy, patient, .. } => Scope::Pair { proxy: *proxy, patient: *patient },
            Self::Staff { organisation, .. } if staff_reach == StaffReach::Practice => {
                Scope::Organisation(organisation.clone())
            }
            Self::Anyone | Self::Staff { .. } | Self::System { .. } | Self::Service => Scope::Everything,
        }
    }
}
