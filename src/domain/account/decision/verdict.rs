//! The decision, and what of it a person may see.

use std::borrow::Cow;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::category::CategorySet;
use crate::account::decision::reason::DecisionReasons;

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Its id, given by the caller of `decide`.
    pub id: Uuid,
    /// Whether the action is permitted, under the obligations.
    pub is_permitted: bool,
    /// Why, for staff and auditors.
    pub reasons: DecisionReasons,
    /// Why not, for the person.
    pub public_reason: Option<PublicReason>,
    /// What the enforcement point has to do.
    pub obligations: Obligations,
}

/// Why an action is denied, in a form that is safe to show: it follows from the access that the person has now, never from
/// the cause of access that they do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublicReason {
    /// No access.
    NoAccess,
    /// Access after authenticating again.
    StepUp,
    /// The app is not installed for this use.
    NotInstalled,
    /// The owner can be asked for it.
    Requestable,
}

/// A request to authenticate again (RFC 9470 §3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepUp {
    /// The values to ask for, separated by spaces.
    pub acr_values: Option<Cow<'static, str>>,
    /// The most seconds since the log-in.
    pub max_age: Option<u32>,
}

/// What the enforcement point has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligations {
    /// Deny, and ask the user to authenticate again. Set only where that alone is missing.
    pub step_up: Option<StepUp>,
    /// The categories whose selectors bound what is shown. Empty for an action on the account, and for a deny.
    pub categories: CategorySet,
    /// The masked views to render. Masked elements are neither searched nor sorted by.
    pub masked_views: CategorySet,
    /// The first day of the data to show; none for all.
    pub data_from: Option<NaiveDate>,
}

/// What a person and their app get of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonAnswer {
    /// Whether the action is permitted.
    pub is_permitted: bool,
    /// Why not.
    pub reason: Option<PublicReason>,
    /// The request to authenticate again.
    pub step_up: Option<StepUp>,
}

impl Decision {
    /// The decision as the person may see it: without rules, evidence and causes.
    pub fn for_person(&self) -> PersonAnswer {
        PersonAnswer {
            is_permitted: self.is_permitted,
            reason: self.public_reason,
            step_up: self.obligations.step_up.clone(),
        }
    }
}
