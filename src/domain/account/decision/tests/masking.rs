//! What a person is shown does not tell why access is gone.

use std::borrow::Cow;

use chrono::TimeDelta;

use super::fixture::{ROLE, USER, World, at_own_pages, by_app, door, now};
use crate::account::category::{Category, CategorySet};
use crate::account::decision::{
    AccountState, AppFacts, EvidenceLapse, PublicReason, ResourceLabel, VetoCause, VetoTarget,
};
use crate::account::level::{AccessSet, AccountAction, Level, MemberAccess, RequestedAccess, RoleLimits};
use crate::account::member::{MemberEnd, MemberOrigin, MemberState};
use crate::person::state::PersonState;
use crate::proxy::role_state::Status;

type Change = fn(&mut World);
type Narrowing<'a> = (&'a str, &'a dyn Fn(&mut World));

/// The ways in which a helper can have lost their access.
const CAUSES: &[(&str, Change)] = &[
    ("no member", |it| it.facts.doors = Cow::Borrowed(&[])),
    ("end date", |it| it.member().end_at = Some(now() - TimeDelta::days(1))),
    ("expired", |it| it.member().state = MemberState::Ended(MemberEnd::Expired)),
    ("removed by the owner", |it| it.member().state = MemberState::Ended(MemberEnd::Removed)),
    ("left", |it| it.member().state = MemberState::Ended(MemberEnd::Left)),
    ("role ended", |it| it.member().state = MemberState::Ended(MemberEnd::RoleEnded)),
    ("AC-20 paused", |it| it.member().state = MemberState::Paused),
    ("invitation", |it| it.member().state = MemberState::Invited),
    ("role inactive", |it| it.role().status = Status::Inactive),
    ("role over", |it| it.role().end_at = Some(now() - TimeDelta::days(1))),
    ("role rejected", |it| it.role().status = Status::Rejected),
    ("veto on evidence", |it| it.role().lapse = Some(EvidenceLapse::Veto)),
    ("evidence fell away", |it| it.role().lapse = Some(EvidenceLapse::Held)),
    ("safeguarding", |it| veto(it, VetoCause::Safeguarding)),
    ("court order", |it| veto(it, VetoCause::CourtOrder)),
    ("blocked by the owner", |it| veto(it, VetoCause::BlockedByOwner)),
    ("AC-19 stopped by the owner", |it| veto(it, VetoCause::StoppedByOwner)),
    ("practice", |it| veto(it, VetoCause::Practice)),
    ("account held", |it| it.facts.account.state = AccountState::Held),
    ("account closed", |it| it.facts.account.state = AccountState::Closed),
    ("patient died", |it| it.facts.account.person = PersonState::Died),
    ("AC-11 patient restricted", |it| it.facts.account.person = PersonState::Restricted),
    ("account changed since the grant", |it| it.facts.account.epoch = 9),
];

fn veto(world: &mut World, cause: VetoCause) {
    let mut vetoed = world.clone().vetoed(VetoTarget::User(USER), CategorySet::ALL, true);
    if let Some(veto) = vetoed.facts.vetoes.to_mut().first_mut() {
        veto.cause = cause;
    }
    *world = vetoed;
}

/// The questions that a helper asks: one that their level allowed, one that it did not, labelled ones, and acts.
fn questions(world: &World) -> Vec<World> {
    let mut all = Vec::new();
    for category in Category::ALL {
        for action in [AccountAction::Read, AccountAction::Search, AccountAction::Create] {
            let asking = world.clone().asking(action, category);
            let mut labelled = asking.clone();
            labelled.data().label = ResourceLabel::Missing;
            let mut typed = asking.clone();
            typed.data().resource_type = Some("Observation".into());
            all.extend([asking, labelled, typed]);
        }
    }
    for action in AccountAction::ALL.into_iter().filter(|action| !action.is_about_data()) {
        all.push(world.clone().acting(action, AccessSet::EMPTY));
    }
    all
}

// PD-26, AC-20, ATTACK-9, ATTACK-13
#[test]
fn stopped_for_safeguarding_by_the_patient_and_by_end_date_look_alike() {
    let mut not_installed = by_app();
    not_installed.facts.app = AppFacts::NotInstalled;
    let role = at_own_pages(door(MemberOrigin::Role(ROLE), MemberAccess::of(Level::Full)));
    for world in [by_app(), not_installed, with_grant(role)] {
        for asked in questions(&world) {
            let mut answers = Vec::new();
            for (name, change) in CAUSES {
                let mut stopped = asked.clone();
                change(&mut stopped);
                let decision = stopped.decide();
                assert!(
                    !decision.is_permitted && decision.public_reason == Some(PublicReason::NoAccess),
                    "{name}"
                );
                answers.push((name, serde_json::to_string(&decision.for_person()).unwrap()));
            }
            assert!(answers.iter().all(|(_, answer)| *answer == answers[0].1), "{answers:?}");
        }
    }
}

fn with_grant(mut world: World) -> World {
    world.facts.grant = by_app().facts.grant;
    world
}

// A cap looks like a narrower level: on what is left, and on what is gone.
#[test]
fn narrowed_by_safeguarding_by_the_owner_and_by_the_role_look_alike() {
    let full = at_own_pages(door(MemberOrigin::Role(ROLE), MemberAccess::of(Level::Full)));
    let lost = CategorySet::of(&[Category::Prescriptions, Category::PrescriptionStatus]);
    let left = [
        RequestedAccess::Appt,
        RequestedAccess::Recrd,
        RequestedAccess::Test,
        RequestedAccess::Vacc,
        RequestedAccess::Cond,
        RequestedAccess::Consult,
        RequestedAccess::Docs,
    ];
    let causes: [Narrowing<'_>; 4] = [
        ("safeguarding", &|it| {
            *it =
                it.clone().vetoed(VetoTarget::User(USER), CategorySet::of(&[Category::Prescriptions]), false);
        }),
        ("excluded", &|it| it.member().access.excluded = lost),
        ("narrowed", &|it| {
            it.member().narrowed_to = Some(MemberAccess { excluded: lost, ..MemberAccess::of(Level::Full) });
        }),
        ("limits", &|it| it.member().access.limits = Some(RoleLimits::of(&left))),
    ];
    for category in lost.iter().chain([Category::Medicines, Category::Demographics, Category::MentalHealth]) {
        for action in [AccountAction::Read, AccountAction::Search, AccountAction::Create] {
            let mut answers = Vec::new();
            for (name, change) in causes {
                let mut world = full.clone();
                change(&mut world);
                answers.push((name, world.asking(action, category).decide().for_person()));
            }
            assert!(answers.iter().all(|(_, answer)| *answer == answers[0].1), "{category:?} {answers:?}");
        }
    }
    let denied =
        full.vetoed(VetoTarget::User(USER), lost, false).asking(AccountAction::Read, Category::Prescriptions);
    assert_eq!(denied.decide().public_reason, Some(PublicReason::Requestable));
}

// Staff and auditors see the cause that the person does not.
#[test]
fn reasons_for_auditors_tell_the_causes_apart() {
    let mut kinds = std::collections::BTreeSet::new();
    for (_, change) in CAUSES {
        let mut world = by_app();
        change(&mut world);
        let decision = world.decide();
        let denials =
            decision.reasons.denials().map(|reason| format!("{:?} {}", reason.operand, reason.rule));
        kinds.insert(denials.collect::<Vec<_>>());
    }
    assert!(kinds.len() >= 9, "{kinds:?}");
}

#[test]
fn no_part_of_the_answer_to_a_person_names_a_rule_or_an_id() {
    for (name, change) in CAUSES {
        let mut world = by_app();
        change(&mut world);
        let answer = serde_json::to_value(world.decide().for_person()).unwrap();
        assert_eq!(
            answer,
            serde_json::json!({ "is_permitted": false, "reason": "no_access", "step_up": null }),
            "{name}"
        );
    }
}

// PD-26
#[test]
fn a_member_is_offered_to_ask_and_an_app_to_be_installed() {
    let summary = at_own_pages(door(MemberOrigin::Share, MemberAccess::of(Level::Summary)));
    let asking = summary.clone().asking(AccountAction::Read, Category::Documents);
    assert_eq!(asking.decide().public_reason, Some(PublicReason::Requestable));
    let mut by_app = summary.asking(AccountAction::Read, Category::Medicines);
    by_app.facts.app = AppFacts::NotInstalled;
    assert_eq!(by_app.decide().public_reason, Some(PublicReason::NotInstalled));
}
