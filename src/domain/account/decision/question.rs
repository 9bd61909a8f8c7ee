//! The question of a decision.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::category::{CategorySet, Sensitivity};
use crate::account::level::{AccessSet, AccountAction};

/// What a caller asks to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionQuestion<'a> {
    /// The account.
    pub account: Uuid,
    /// The action.
    pub action: AccountAction,
    /// What it is done to. An action on data needs [`DecisionTarget::Data`], the others [`DecisionTarget::Account`].
    pub target: DecisionTarget<'a>,
}

/// What an action is done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionTarget<'a> {
    /// Resources of the account.
    Data(DataTarget<'a>),
    /// The account itself.
    Account {
        /// What the action gives away: to the invited user, or to the app. Empty where it gives nothing.
        given: AccessSet,
    },
}

/// Resources of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataTarget<'a> {
    /// The categories that a resource belongs to. One of the ordinary ones has to be allowed, and every very restricted one.
    /// A resource without a category is never allowed.
    pub categories: CategorySet,
    /// The FHIR resource type. None where the question is about the category as such.
    pub resource_type: Option<Cow<'a, str>>,
    /// The confidentiality label of the resource itself.
    pub label: ResourceLabel,
    /// Whether the enforcement point renders masked views. One that does not is denied where only a masked view is allowed.
    pub understands_masks: bool,
}

/// The confidentiality label of a resource (`meta.security`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceLabel {
    /// The source does not label, or the question is not about one resource.
    NotUsed,
    /// The source labels, and this resource has no label, or one that is not known: only the owner reads it.
    Missing,
    /// The label.
    Labelled(Sensitivity),
}

impl<'a> DecisionQuestion<'a> {
    /// A question about categories of data as such.
    pub const fn about_data(account: Uuid, action: AccountAction, categories: CategorySet) -> Self {
        let target = DataTarget {
            categories,
            resource_type: None,
            label: ResourceLabel::NotUsed,
            understands_masks: false,
        };
        Self { account, action, target: DecisionTarget::Data(target) }
    }

    /// A question about the account itself.
    pub const fn about_account(account: Uuid, action: AccountAction, given: AccessSet) -> Self {
        Self { account, action, target: DecisionTarget::Account { given } }
    }

    /// The data that it is about, where it is an action on data.
    pub(super) const fn data(&self) -> Option<&DataTarget<'a>> {
        match &self.target {
            DecisionTarget::Data(data) if self.action.is_about_data() => Some(data),
            DecisionTarget::Data(_) | DecisionTarget::Account { .. } => None,
        }
    }

    /// What it gives away, where it is an action on the account.
    pub(super) const fn given(&self) -> Option<&AccessSet> {
        match &self.target {
            DecisionTarget::Account { given } if !self.action.is_about_data() => Some(given),
            DecisionTarget::Data(_) | DecisionTarget::Account { .. } => None,
        }
    }

    /// The categories that it touches: those asked for, or those given away.
    pub(super) fn categories(&self) -> CategorySet {
        match &self.target {
            DecisionTarget::Data(data) => data.categories,
            DecisionTarget::Account { .. } => CategorySet::ALL,
        }
    }
}
