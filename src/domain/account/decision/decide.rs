//! The decision itself.

use std::borrow::Cow;

use uuid::Uuid;

use crate::account::category::CategorySet;
use crate::account::decision::app_facts::AppFacts;
use crate::account::decision::app_side::{AppSide, app_side, data_from};
use crate::account::decision::decision_facts::{AccountState, DecisionFacts, DecisionParty};
use crate::account::decision::identity_rule::{RuleEffect, STRONG_VECTORS};
use crate::account::decision::member_side::{MemberSide, member_side, wanted};
use crate::account::decision::question::{DataTarget, DecisionQuestion, ResourceLabel};
use crate::account::decision::reason::{DecisionEvidence, DecisionReason, DecisionReasons, Operand};
use crate::account::decision::verdict::{Decision, Obligations, PublicReason, StepUp};
use crate::account::level::{AccessSet, AccountAction, ActionSet};
use crate::person::state::PersonState;

/// Decides a question. The id is the caller's, and names the decision in the audit record.
///
/// Nothing is permitted that one of the operands does not admit, and no fact that is left out admits anything. Every operand
/// is evaluated, so that the reasons of a deny are complete. No heap allocation happens where the action is permitted.
pub fn decide(id: Uuid, question: &DecisionQuestion<'_>, facts: &DecisionFacts<'_>) -> Decision {
    let mut reasons = DecisionReasons::new();
    let is_open = is_open(question, facts, &mut reasons);
    let person = person_side(question, facts, &mut reasons);
    let app = app_side(question, facts, person.is_owner, &mut reasons);
    let log_in = log_in_side(question, facts, &mut reasons);
    let sides = Sides { is_open, person, app, log_in };
    match (question.data(), question.given()) {
        (Some(data), _) => decide_data(id, question.action, data, facts, &sides, reasons),
        (None, Some(given)) => decide_action(id, question.action, *given, facts, &sides, reasons),
        (None, None) => {
            reasons.deny(Operand::Question, "target-of-action", DecisionEvidence::None);
            denied(id, reasons, PublicReason::NoAccess, None)
        }
    }
}

/// What the operands say.
struct Sides {
    is_open: bool,
    person: MemberSide,
    app: AppSide,
    log_in: LogInSide,
}

impl Sides {
    const fn admits(&self) -> bool {
        self.is_open && self.app.is_live && !self.log_in.is_denied
    }

    /// What the person is shown, from the access that they have now.
    const fn public_reason(&self, is_requestable: bool) -> PublicReason {
        if !self.is_open || !self.person.is_live {
            PublicReason::NoAccess
        } else if !self.app.is_live {
            PublicReason::NotInstalled
        } else if is_requestable && !self.log_in.is_denied {
            PublicReason::Requestable
        } else {
            PublicReason::NoAccess
        }
    }
}

/// What the rules about the log-in say.
struct LogInSide {
    is_denied: bool,
    step_up: Option<StepUp>,
    at_most: AccessSet,
}

/// Whether account, people and grant admit anything.
fn is_open(
    question: &DecisionQuestion<'_>,
    facts: &DecisionFacts<'_>,
    reasons: &mut DecisionReasons,
) -> bool {
    let before = reasons.count();
    let account = &facts.account;
    if question.account != account.id {
        reasons.deny(Operand::Account, "account-of-question", DecisionEvidence::None);
    }
    let (user, is_organisation) = match facts.party {
        DecisionParty::User { state, .. } => (state, false),
        DecisionParty::Organisation { .. } => (PersonState::Alive, true),
    };
    // An organisation reads the record of a person who has died, and of one whose account is closed or held.
    if account.state != AccountState::Open && !is_organisation {
        reasons.deny(Operand::Account, "account-open", DecisionEvidence::None);
    }
    let is_after_death = is_organisation && account.person == PersonState::Died;
    if !account.person.has_grants() && !is_after_death {
        reasons.deny(Operand::People, "owner-standing", DecisionEvidence::None);
    }
    if !user.has_grants() {
        reasons.deny(Operand::People, "user-standing", DecisionEvidence::None);
    }
    if let Some(grant) = &facts.grant {
        let evidence = DecisionEvidence::Grant(grant.id);
        if grant.account != account.id {
            reasons.deny(Operand::Grant, "grant-of-account", evidence);
        }
        if grant.is_revoked || grant.expires_at <= facts.now() {
            reasons.deny(Operand::Grant, "grant-live", evidence);
        }
        if grant.epoch < account.epoch {
            reasons.deny(Operand::Grant, "grant-epoch-of-account", evidence);
        }
    }
    reasons.count() == before
}

fn person_side(
    question: &DecisionQuestion<'_>,
    facts: &DecisionFacts<'_>,
    reasons: &mut DecisionReasons,
) -> MemberSide {
    match facts.party {
        DecisionParty::User { user, .. } => {
            let only = match &facts.app {
                AppFacts::Installed(app) => app.role,
                AppFacts::OwnPages | AppFacts::Configured(_) | AppFacts::NotInstalled => None,
            };
            member_side(user, only, question, facts, reasons)
        }
        DecisionParty::Organisation { is_within_reach: true } => {
            reasons.admit(Operand::Reach, "patient-within-reach", DecisionEvidence::None);
            MemberSide::ORGANISATION
        }
        DecisionParty::Organisation { is_within_reach: false } => {
            reasons.deny(Operand::Reach, "patient-within-reach", DecisionEvidence::None);
            MemberSide::NONE
        }
    }
}

fn log_in_side(
    question: &DecisionQuestion<'_>,
    facts: &DecisionFacts<'_>,
    reasons: &mut DecisionReasons,
) -> LogInSide {
    let mut side = LogInSide { is_denied: false, step_up: None, at_most: AccessSet::ALL };
    for rule in facts.rules.iter().filter(|rule| rule.when.holds(question, &facts.session)) {
        let denies = match &rule.effect {
            RuleEffect::Deny => {
                side.is_denied = true;
                true
            }
            RuleEffect::StepUp { acr_values, max_age } => {
                let asked = StepUp { acr_values: acr_values.clone(), max_age: *max_age };
                side.step_up = Some(merged(side.step_up.take(), asked));
                true
            }
            RuleEffect::AtMost(level) => {
                let is_label_within = match question.data().map(|data| data.label) {
                    Some(ResourceLabel::Labelled(label)) => label <= level.highest_label(),
                    Some(ResourceLabel::Missing) => false,
                    Some(ResourceLabel::NotUsed) | None => true,
                };
                let most =
                    if is_label_within { level.access().with_masked_views() } else { AccessSet::EMPTY };
                side.at_most = side.at_most.and(most);
                let asked = question.data().map(|data| wanted(data, question.action));
                asked.is_some_and(|asked| !asked.is_within(most.categories(question.action)))
            }
        };
        if denies {
            let operand = Operand::Identity;
            let evidence = DecisionEvidence::None;
            reasons.push(DecisionReason { operand, rule: rule.id.clone(), admits: false, evidence });
        }
    }
    side
}

/// Both requests to authenticate again in one: the first values asked for, and the shorter age.
fn merged(first: Option<StepUp>, second: StepUp) -> StepUp {
    let Some(first) = first else { return second };
    let max_age = match (first.max_age, second.max_age) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    StepUp { acr_values: first.acr_values.or(second.acr_values), max_age }
}

/// The part of the wanted categories through which a question is permitted: one of the ordinary ones, and every very
/// restricted one. `None` where it is not.
fn permitted(wanted: CategorySet, allowed: CategorySet) -> Option<CategorySet> {
    let very_restricted = wanted.and(CategorySet::VERY_RESTRICTED);
    let ordinary = wanted.without(CategorySet::VERY_RESTRICTED);
    let granted = wanted.and(allowed);
    let is_permitted = !granted.is_empty()
        && very_restricted.is_within(allowed)
        && (ordinary.is_empty() || !ordinary.and(allowed).is_empty());
    is_permitted.then_some(granted)
}

/// Tries the categories as asked for, then the masked views of those that are not allowed.
fn permitted_or_masked(
    data: &DataTarget<'_>,
    action: AccountAction,
    allowed: CategorySet,
) -> Option<CategorySet> {
    let all = wanted(data, action);
    let whole = if data.understands_masks { data.categories } else { all };
    permitted(whole, allowed).or_else(|| permitted(all, allowed))
}

fn decide_data(
    id: Uuid,
    action: AccountAction,
    data: &DataTarget<'_>,
    facts: &DecisionFacts<'_>,
    sides: &Sides,
    mut reasons: DecisionReasons,
) -> Decision {
    let selected = selected(data, action);
    if selected.is_empty() {
        reasons.deny(Operand::Category, "category-has-type", DecisionEvidence::None);
    }
    let of_person = sides.person.access.and(sides.log_in.at_most).categories(action);
    let allowed = of_person.and(sides.app.access.categories(action)).and(selected);
    let admitted = facts.minimum_proofing.admitted(facts.session.proofing);
    let strong = permitted_or_masked(data, action, allowed);
    let granted = permitted_or_masked(data, action, allowed.and(admitted));
    let mut step_up = sides.log_in.step_up.clone();
    if strong.is_some() && granted.is_none() {
        reasons.deny(Operand::Category, "minimum-proofing", DecisionEvidence::None);
        let asked = StepUp { acr_values: Some(Cow::Borrowed(STRONG_VECTORS)), max_age: None };
        step_up = Some(merged(step_up, asked));
    }
    match (granted.or(strong), step_up) {
        (Some(granted), None) if sides.admits() => {
            let obligations = Obligations {
                step_up: None,
                categories: granted,
                masked_views: granted.and(CategorySet::MASKED_VIEWS),
                data_from: data_from(facts, action, granted),
            };
            Decision { id, is_permitted: true, reasons, public_reason: None, obligations }
        }
        (Some(_), Some(step_up)) if sides.admits() => {
            denied(id, reasons, PublicReason::StepUp, Some(step_up))
        }
        (found, _) => {
            if found.is_none() && reasons.denials().next().is_none() {
                reasons.deny(Operand::Category, "category-admitted-by-all", DecisionEvidence::None);
            }
            denied(id, reasons, sides.public_reason(!selected.is_empty()), None)
        }
    }
}

/// The wanted categories that have resources of the type: all of them for a question without a type.
fn selected(data: &DataTarget<'_>, action: AccountAction) -> CategorySet {
    let wanted = wanted(data, action);
    let Some(resource_type) = data.resource_type.as_deref() else { return wanted };
    let selecting = wanted.iter().filter(|category| category.selects(resource_type, action.letters()));
    selecting.fold(CategorySet::EMPTY, CategorySet::with)
}

fn decide_action(
    id: Uuid,
    action: AccountAction,
    given: AccessSet,
    facts: &DecisionFacts<'_>,
    sides: &Sides,
    mut reasons: DecisionReasons,
) -> Decision {
    const INSTALLING: ActionSet = ActionSet::of(&[AccountAction::Install, AccountAction::InstallForOwnUse]);
    let own = sides.person.access.and(sides.log_in.at_most);
    let most = match facts.hands_on {
        Some(hands_on) if INSTALLING.has(action) => own.and(hands_on),
        Some(_) | None => own,
    };
    let is_within = given.is_within(&most);
    if !is_within {
        reasons.deny(Operand::Giving, "no-more-than-own", DecisionEvidence::None);
    }
    let is_allowed = sides.person.actions.has(action) && sides.app.actions.has(action) && is_within;
    let sides_admit = sides.admits();
    match sides.log_in.step_up.clone() {
        None if sides_admit && is_allowed => Decision {
            id,
            is_permitted: true,
            reasons,
            public_reason: None,
            obligations: Obligations::default(),
        },
        Some(step_up) if sides_admit && is_allowed => {
            denied(id, reasons, PublicReason::StepUp, Some(step_up))
        }
        None | Some(_) => {
            if !sides.person.actions.has(action) {
                reasons.deny(Operand::Member, "member-may-act", DecisionEvidence::None);
            }
            denied(id, reasons, sides.public_reason(false), None)
        }
    }
}

fn denied(
    id: Uuid,
    reasons: DecisionReasons,
    public_reason: PublicReason,
    step_up: Option<StepUp>,
) -> Decision {
    let obligations = Obligations { step_up, ..Obligations::default() };
    Decision { id, is_permitted: false, reasons, public_reason: Some(public_reason), obligations }
}
