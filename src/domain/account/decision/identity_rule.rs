//! Rules by identity provider, proofing and time since log-in, as data. Their effects can only narrow.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::account::category::CategorySet;
use crate::account::decision::question::DecisionQuestion;
use crate::account::decision::session::SessionFacts;
use crate::account::level::{ActionSet, LevelVersion};
use crate::account::proofing::Proofing;

/// A rule about the log-in behind a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityRule {
    /// Its id, which reasons name.
    pub id: Cow<'static, str>,
    /// When it applies.
    pub when: RuleCondition,
    /// What it does then.
    pub effect: RuleEffect,
}

/// When a rule applies: all that is set must hold. A fact that is not known counts against the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCondition {
    /// One of these actions.
    pub actions: ActionSet,
    /// Data of one of these categories; actions on the account itself are not bound by it.
    pub categories: CategorySet,
    /// A log-in of staff, or of a citizen.
    pub is_staff: Option<bool>,
    /// A log-in at one of these providers, by issuer; empty for any.
    pub providers: Cow<'static, [Cow<'static, str>]>,
    /// Proofing below this.
    pub proofing_below: Option<Proofing>,
    /// Proofing of this or above.
    pub proofing_from: Option<Proofing>,
    /// A vector of trust that meets none of these; empty for any.
    pub vectors_other_than: Cow<'static, [Cow<'static, str>]>,
    /// A log-in longer ago than this, in seconds.
    pub log_in_older_than: Option<u32>,
    /// An identity that was linked to the user less than this ago, in seconds.
    pub linked_within: Option<u32>,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleEffect {
    /// Deny.
    Deny,
    /// Deny until the user has authenticated again (RFC 9470).
    StepUp {
        /// The vectors of trust to ask for, separated by spaces; none for any.
        acr_values: Option<Cow<'static, str>>,
        /// The most seconds since the log-in.
        max_age: Option<u32>,
    },
    /// No more than this level gives.
    AtMost(LevelVersion),
}

impl RuleCondition {
    /// A condition that always holds.
    pub const ALWAYS: Self = Self {
        actions: ActionSet::ALL,
        categories: CategorySet::ALL,
        is_staff: None,
        providers: Cow::Borrowed(&[]),
        proofing_below: None,
        proofing_from: None,
        vectors_other_than: Cow::Borrowed(&[]),
        log_in_older_than: None,
        linked_within: None,
    };

    /// Whether the rule applies to a question behind this log-in.
    pub(super) fn holds(&self, question: &DecisionQuestion<'_>, session: &SessionFacts<'_>) -> bool {
        self.actions.has(question.action)
            && (!question.action.is_about_data() || !self.categories.and(question.categories()).is_empty())
            && self.is_staff.is_none_or(|is_staff| is_staff == session.is_staff)
            && (self.providers.is_empty() || self.providers.contains(&session.provider))
            && self.proofing_below.is_none_or(|level| session.proofing < level)
            && self.proofing_from.is_none_or(|level| session.proofing >= level)
            && (self.vectors_other_than.is_empty() || !session.meets_one_of(&self.vectors_other_than))
            && self.log_in_older_than.is_none_or(|seconds| session.is_older_than(seconds))
            && self.linked_within.is_none_or(|seconds| session.was_linked_within(seconds))
    }
}

/// The vectors of trust that reach personal data, as a step-up asks for them.
pub(super) const STRONG_VECTORS: &str = "P9.Cp.Cd P9.Cp.Ck P9.Cm";

/// The rules of the nation. Organisations add rules; none takes one of these away.
///
/// - `IDRULE-1`: only a log-in proved to P9, with strong credentials, reaches what needs P9. (Which categories do is the
///   `ProofingTable`; the control of an account always does.)
/// - `IDRULE-2`: the control of an account needs a log-in within the last 15 minutes.
/// - `IDRULE-3`: an identity that was linked less than 24 hours ago does not control the account: it may have been linked
///   to take the account over.
pub static NATIONAL_RULES: &[IdentityRule] = &[
    IdentityRule {
        id: Cow::Borrowed("IDRULE-1"),
        when: RuleCondition {
            actions: ActionSet::CONTROL,
            is_staff: Some(false),
            proofing_below: Some(Proofing::P9),
            ..RuleCondition::ALWAYS
        },
        effect: RuleEffect::StepUp { acr_values: Some(Cow::Borrowed(STRONG_VECTORS)), max_age: None },
    },
    IdentityRule {
        id: Cow::Borrowed("IDRULE-1"),
        when: RuleCondition {
            is_staff: Some(false),
            proofing_from: Some(Proofing::P9),
            vectors_other_than: Cow::Borrowed(&[
                Cow::Borrowed("P9.Cp.Cd"),
                Cow::Borrowed("P9.Cp.Ck"),
                Cow::Borrowed("P9.Cm"),
            ]),
            ..RuleCondition::ALWAYS
        },
        effect: RuleEffect::StepUp { acr_values: Some(Cow::Borrowed(STRONG_VECTORS)), max_age: None },
    },
    IdentityRule {
        id: Cow::Borrowed("IDRULE-2"),
        when: RuleCondition {
            actions: ActionSet::CONTROL,
            log_in_older_than: Some(900),
            ..RuleCondition::ALWAYS
        },
        effect: RuleEffect::StepUp { acr_values: None, max_age: Some(900) },
    },
    IdentityRule {
        id: Cow::Borrowed("IDRULE-3"),
        when: RuleCondition {
            actions: ActionSet::CONTROL,
            linked_within: Some(86_400),
            ..RuleCondition::ALWAYS
        },
        effect: RuleEffect::Deny,
    },
];
