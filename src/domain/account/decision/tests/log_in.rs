//! Rules about the log-in, and step-up.

use std::borrow::Cow;

use chrono::TimeDelta;

use super::fixture::{ROLE, USER, World, at_own_pages, by_app, door, now};
use crate::account::category::{Category, CategorySet, ProofingTable};
use crate::account::decision::{
    IdentityRule, NATIONAL_RULES, Operand, PublicReason, RuleCondition, RuleEffect, StepUp, VetoTarget,
};
use crate::account::level::{AccessSet, AccountAction, ActionSet, Level, MemberAccess};
use crate::account::member::MemberOrigin;
use crate::account::proofing::Proofing;

fn owner() -> World {
    at_own_pages(door(MemberOrigin::Owner, MemberAccess::of(Level::Full)))
}

fn strong() -> StepUp {
    StepUp { acr_values: Some("P9.Cp.Cd P9.Cp.Ck P9.Cm".into()), max_age: None }
}

// IDRULE-1, PD-27
#[test]
fn idrule_1_only_p9_with_strong_credentials_reaches_personal_data() {
    let table = [
        (Proofing::P9, Some("P9.Cp.Cd"), true),
        (Proofing::P9, Some("P9.Cp.Ck"), true),
        (Proofing::P9, Some("P9.Cm"), true),
        (Proofing::P9, Some("P9.Cp.Cd.Ck"), true),
        (Proofing::P9, Some("P9.Cp"), false),
        (Proofing::P9, Some("P9.Cd"), false),
        (Proofing::P9, Some("P5.Cp.Cd"), false),
        (Proofing::P9, Some("nonsense"), false),
        (Proofing::P9, Some(""), false),
        (Proofing::P9, None, false),
        (Proofing::P5, Some("P5.Cp.Cd"), false),
        (Proofing::P0, Some("P0.Cp.Cd"), false),
    ];
    for (proofing, vector, expected) in table {
        for action in [AccountAction::Read, AccountAction::Manage] {
            let mut world = owner();
            if action == AccountAction::Manage {
                world = world.acting(action, AccessSet::EMPTY);
            }
            world.facts.session.proofing = proofing;
            world.facts.session.vector = vector.map(Cow::Borrowed);
            let decision = world.decide();
            assert_eq!(decision.is_permitted, expected, "{proofing} {vector:?} {action:?}");
            assert_eq!(
                decision.obligations.step_up,
                (!expected).then(strong),
                "{proofing} {vector:?} {action:?}"
            );
            assert_eq!(decision.public_reason, (!expected).then_some(PublicReason::StepUp));
        }
    }
}

#[test]
fn category_with_lower_minimum_proofing_is_reached_and_the_others_step_up() {
    let mut world = owner();
    world.facts.minimum_proofing = ProofingTable::of_catalogue().with(Category::Appointments, Proofing::P5);
    world.facts.session.proofing = Proofing::P5;
    world.facts.session.vector = Some("P5.Cp.Cd".into());
    assert!(world.clone().asking(AccountAction::Read, Category::Appointments).decide().is_permitted);
    let records = world.clone().asking(AccountAction::Read, Category::Consultations).decide();
    assert_eq!(records.obligations.step_up, Some(strong()));
    world.facts.session.proofing = Proofing::P0;
    assert!(!world.asking(AccountAction::Read, Category::Appointments).decide().is_permitted);
}

// IDRULE-2, PD-27
#[test]
fn idrule_2_control_of_an_account_needs_a_log_in_within_fifteen_minutes() {
    let ages = [
        (Some(TimeDelta::zero()), true),
        (Some(TimeDelta::minutes(15)), true),
        (Some(TimeDelta::minutes(15) + TimeDelta::milliseconds(1)), false),
        (Some(TimeDelta::days(1)), false),
        // The clock of the provider may be a little ahead.
        (Some(TimeDelta::seconds(-60)), true),
        (Some(TimeDelta::seconds(-61)), false),
        (None, false),
    ];
    for (age, expected) in ages {
        for action in AccountAction::ALL {
            let mut world = owner();
            world = if action.is_about_data() {
                world.asking(action, Category::Medicines)
            } else {
                world.acting(action, AccessSet::EMPTY)
            };
            world.facts.session.auth_time = age.map(|age| now() - age);
            let decision = world.decide();
            let is_control = ActionSet::CONTROL.has(action);
            let may = action != AccountAction::Leave;
            assert_eq!(decision.is_permitted, may && (expected || !is_control), "{age:?} {action:?}");
            let step_up = StepUp { acr_values: None, max_age: Some(900) };
            let is_asked = is_control && !expected;
            assert_eq!(decision.obligations.step_up, is_asked.then_some(step_up), "{age:?} {action:?}");
        }
    }
}

// IDRULE-3, ATTACK-6
#[test]
fn idrule_3_an_identity_linked_within_a_day_reads_and_does_not_control() {
    let spans = [
        (Some(TimeDelta::zero()), false),
        (Some(TimeDelta::hours(24) - TimeDelta::milliseconds(1)), false),
        (Some(TimeDelta::hours(24)), true),
        (None, false),
    ];
    for (span, expected) in spans {
        let mut world = owner();
        world.facts.session.linked_since = span.map(|span| now() - span);
        assert!(world.decide().is_permitted, "{span:?}");
        for action in ActionSet::CONTROL.iter() {
            let decision = world.clone().acting(action, AccessSet::EMPTY).decide();
            assert_eq!(decision.is_permitted, expected, "{span:?} {action:?}");
            let rules: Vec<&str> = decision.reasons.denials().map(|reason| reason.rule.as_ref()).collect();
            assert_eq!(rules.contains(&"IDRULE-3"), !expected, "{span:?} {action:?}");
            assert_eq!(decision.obligations.step_up, None, "authenticating again does not help");
        }
    }
}

#[test]
fn leaving_an_account_needs_no_strong_or_recent_log_in() {
    let mut world = at_own_pages(door(MemberOrigin::Share, MemberAccess::of(Level::Full)));
    world.facts.session.auth_time = None;
    world.facts.session.linked_since = None;
    world.facts.session.proofing = Proofing::P5;
    assert!(world.acting(AccountAction::Leave, AccessSet::EMPTY).decide().is_permitted);
}

// ATTACK-6: the rules look at the identity that was used
#[test]
fn step_up_is_asked_for_only_where_nothing_else_is_missing() {
    let weak = |mut world: World| {
        world.facts.session.vector = Some("P9.Cp".into());
        world.facts.session.auth_time = None;
        world
    };
    let both = weak(owner()).acting(AccountAction::Manage, AccessSet::EMPTY).decide();
    let merged = StepUp { max_age: Some(900), ..strong() };
    assert_eq!(both.obligations.step_up, Some(merged));
    let lacking = weak(at_own_pages(door(MemberOrigin::Share, MemberAccess::of(Level::BookAndOrder))));
    let vetoed = weak(owner()).vetoed(VetoTarget::User(USER), CategorySet::ALL, true);
    let mut linked = weak(owner()).acting(AccountAction::Manage, AccessSet::EMPTY);
    linked.facts.session.linked_since = None;
    let mut app = weak(by_app());
    app.app().user_limit.may_use = false;
    for world in [lacking, vetoed, linked, app] {
        let decision = world.decide();
        assert!(!decision.is_permitted && decision.obligations.step_up.is_none(), "{decision:?}");
        assert_ne!(decision.public_reason, Some(PublicReason::StepUp));
    }
}

fn rule(when: RuleCondition, effect: RuleEffect) -> IdentityRule {
    IdentityRule { id: "ORG-1".into(), when, effect }
}

#[test]
fn rule_of_an_organisation_caps_a_provider_at_a_level() {
    let providers = Cow::Owned(vec!["https://weak.example".into()]);
    let cap = rule(
        RuleCondition { providers, ..RuleCondition::ALWAYS },
        RuleEffect::AtMost(Level::Summary.newest()),
    );
    for (provider, is_capped) in [("https://weak.example", true), ("https://login.example", false)] {
        let mut world = owner();
        world.facts.rules.to_mut().push(cap.clone());
        world.facts.session.provider = provider.into();
        for category in Category::ALL {
            let is_read = world.clone().asking(AccountAction::Read, category).decide().is_permitted;
            let summary = Level::Summary.newest().access().has(category, AccountAction::Read);
            assert_eq!(is_read, summary || !is_capped, "{provider} {category:?}");
        }
        // What is given away is capped as well.
        let given = MemberAccess::of(Level::Full).effective();
        let share = world.acting(AccountAction::Share, given).decide();
        assert_eq!(share.is_permitted, !is_capped, "{provider}");
    }
}

// No effect of a rule can widen, so adding any rule never permits more.
#[test]
fn adding_a_rule_never_permits_more() {
    let effects = [
        RuleEffect::Deny,
        RuleEffect::StepUp { acr_values: None, max_age: Some(1) },
        RuleEffect::AtMost(Level::BookAndOrder.newest()),
        RuleEffect::AtMost(Level::Full.newest()),
    ];
    let conditions = [
        RuleCondition::ALWAYS,
        RuleCondition { categories: CategorySet::of(&[Category::Medicines]), ..RuleCondition::ALWAYS },
        RuleCondition { actions: ActionSet::READING, ..RuleCondition::ALWAYS },
        RuleCondition { is_staff: Some(true), ..RuleCondition::ALWAYS },
        RuleCondition { proofing_below: Some(Proofing::P9), ..RuleCondition::ALWAYS },
        RuleCondition { linked_within: Some(u32::MAX), ..RuleCondition::ALWAYS },
    ];
    let access = MemberAccess { opened: CategorySet::ALL, ..MemberAccess::of(Level::Full) };
    for origin in
        [MemberOrigin::Owner, MemberOrigin::Role(ROLE), MemberOrigin::Share, MemberOrigin::StaffShare]
    {
        for category in Category::ALL {
            for action in ActionSet::DATA.iter() {
                let world = at_own_pages(door(origin, access)).asking(action, category);
                let before = world.decide();
                for effect in &effects {
                    for when in &conditions {
                        let mut ruled = world.clone();
                        ruled.facts.rules.to_mut().push(rule(when.clone(), effect.clone()));
                        let after = ruled.decide();
                        assert!(
                            before.is_permitted || !after.is_permitted,
                            "{origin:?} {category:?} {action:?}"
                        );
                        if *effect == RuleEffect::Deny && *when == RuleCondition::ALWAYS {
                            assert!(!after.is_permitted);
                            assert!(
                                after.reasons.denials().any(|reason| reason.operand == Operand::Identity)
                            );
                        }
                    }
                }
            }
        }
    }
    assert_eq!(NATIONAL_RULES.len(), 4);
}
