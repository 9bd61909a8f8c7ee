//! The decision: whether a caller may do something in an account, through an app, now.
//!
//! [`decide`] is pure: everything that it looks at is in the [`DecisionQuestion`] and the [`DecisionFacts`]. Access is what
//! every operand admits; each denies by default, and a veto beats every grant:
//!
//! `account ∩ people ∩ grant ∩ (∪ members of the user) ∩ categories ∩ identity rules ∩ app − vetoes`
//!
//! The [`Decision`] says which rule of which operand admitted or denied, with the ids of the evidence. That is for staff and
//! auditors. A person gets [`Decision::for_person`]: it is the same whatever the cause, so that access which was stopped
//! because of a safeguarding concern, by the patient, or at its end date looks the same. A [`DecisionRecord`] holds the
//! inputs as well: an auditor decides it again.

mod app_facts;
mod app_side;
mod decide;
mod decision_facts;
mod decision_record;
mod identity_rule;
mod member_side;
mod question;
mod reason;
mod session;
mod verdict;

#[cfg(test)]
mod tests;

pub use app_facts::{
    AppCeiling, AppFacts, CategoryPermission, InstallationState, InstalledApp, ListingState,
};
pub use decide::decide;
pub use decision_facts::{
    AccountFacts, AccountState, DecisionFacts, DecisionParty, DoorFacts, EvidenceLapse, GrantFacts,
    RoleFacts, Veto, VetoCause, VetoTarget,
};
pub use decision_record::DecisionRecord;
pub use identity_rule::{IdentityRule, NATIONAL_RULES, RuleCondition, RuleEffect};
pub use question::{DataTarget, DecisionQuestion, DecisionTarget, ResourceLabel};
pub use reason::{DecisionEvidence, DecisionReason, DecisionReasons, Operand};
pub use session::SessionFacts;
pub use verdict::{Decision, Obligations, PersonAnswer, PublicReason, StepUp};
