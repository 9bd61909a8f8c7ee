//! The side of the app.

use std::borrow::Cow;

use chrono::{NaiveDate, TimeDelta};
use uuid::Uuid;

use super::fixture::{ROLE, USER, World, at_own_pages, by_app, door, now};
use crate::account::category::{Category, CategorySet};
use crate::account::decision::{
    AppCeiling, AppFacts, CategoryPermission, DecisionEvidence, InstalledApp, ListingState, Operand,
    PublicReason,
};
use crate::account::level::{AccessSet, AccountAction, ActionSet, Level, MemberAccess};
use crate::account::member::{MemberOrigin, UserAppLimit};

fn by_owner() -> World {
    let mut world = at_own_pages(door(MemberOrigin::Owner, MemberAccess::of(Level::Full)));
    let proxy = by_app();
    world.facts.app = proxy.facts.app;
    world.facts.grant = proxy.facts.grant;
    world.app().role = None;
    world.permission().role = None;
    world
}

fn permission(category: Category, since: Option<&str>) -> CategoryPermission {
    CategoryPermission {
        id: Uuid::from_u128(0x77),
        category,
        actions: ActionSet::READING,
        since: since.map(|day| day.parse().unwrap()),
        start_at: now() - TimeDelta::days(1),
        end_at: now() + TimeDelta::days(1),
        ended_at: None,
        role: None,
    }
}

// PD-01: who, and through which app
#[test]
fn app_gets_what_person_registration_listing_and_permission_share() {
    let sets = [
        AccessSet::EMPTY,
        AccessSet::reading(CategorySet::of(&[Category::Medicines])),
        AccessSet::reading(CategorySet::of(&[Category::Documents])),
        AccessSet::reading(CategorySet::of(&[Category::Medicines, Category::Documents])),
    ];
    let levels = [Level::BookAndOrder, Level::Summary, Level::Full];
    for registered in sets {
        for listed in sets {
            for permitted in sets {
                for level in levels {
                    for category in [Category::Medicines, Category::Documents] {
                        let mut world = by_app().asking(AccountAction::Read, category);
                        world.member().access = MemberAccess::of(level);
                        world.app().registered.access = registered;
                        world.app().listed.access = listed;
                        let categories = permitted.categories(AccountAction::Read).iter();
                        world.app().permissions =
                            categories.map(|category| permission(category, None)).collect();
                        let all = [registered, listed, permitted, MemberAccess::of(level).effective()];
                        let expected = all.iter().all(|set| set.has(category, AccountAction::Read));
                        assert_eq!(
                            world.decide().is_permitted,
                            expected,
                            "{registered:?} {listed:?} {level:?}"
                        );
                    }
                }
            }
        }
    }
}

// ATTACK-10
#[test]
fn app_of_a_proxy_acts_only_by_the_role_that_it_carries() {
    let mut world = by_app().asking(AccountAction::Read, Category::Medicines);
    world.facts.doors.to_mut().push(door(MemberOrigin::Share, MemberAccess::of(Level::Full)));
    assert!(world.decide().is_permitted);
    // The share alone does not carry an app that was installed by the role.
    world.role().status = crate::proxy::role_state::Status::Inactive;
    assert!(!world.decide().is_permitted);
    world.facts.app = AppFacts::OwnPages;
    assert!(world.decide().is_permitted);
}

// ATTACK-16
#[test]
fn app_of_a_developer_reaches_only_accounts_that_the_developer_owns() {
    for (mut world, expected) in [(by_owner(), true), (by_app(), false)] {
        world.app().listing_state = ListingState::Sandbox { developer: USER };
        assert_eq!(world.decide().is_permitted, expected);
        world.app().listing_state = ListingState::Sandbox { developer: ROLE };
        assert!(!world.decide().is_permitted);
    }
    let mut beta = by_owner();
    beta.app().listing_state = ListingState::Beta { is_in_group: true };
    assert!(beta.decide().is_permitted);
}

#[test]
fn first_day_of_the_data_is_the_earliest_of_the_permissions() {
    let day = |text: &str| -> NaiveDate { text.parse().unwrap() };
    let table: [(&[Option<&str>], Option<NaiveDate>); 4] = [
        (&[Some("2025-01-01")], Some(day("2025-01-01"))),
        (&[Some("2026-01-01"), Some("2025-06-01")], Some(day("2025-06-01"))),
        (&[Some("2026-01-01"), None], None),
        (&[None], None),
    ];
    for (since, expected) in table {
        let mut world = by_owner();
        world.app().permissions = since.iter().map(|since| permission(Category::Medicines, *since)).collect();
        world.app().permissions.to_mut().push(permission(Category::Documents, Some("2001-01-01")));
        let mut over = permission(Category::Medicines, None);
        over.ended_at = Some(now());
        world.app().permissions.to_mut().push(over);
        let decision = world.decide();
        assert!(decision.is_permitted);
        assert_eq!(decision.obligations.data_from, expected, "{since:?}");
    }
}

#[test]
fn permissions_and_members_are_named_as_evidence() {
    let mut world = by_app();
    let first = world.permission().id;
    let member = world.member().id;
    let decision = world.decide();
    let evidence: Vec<DecisionEvidence> = decision.reasons.iter().map(|reason| reason.evidence).collect();
    for expected in [
        DecisionEvidence::Permission(first),
        DecisionEvidence::Member(member, 1),
        DecisionEvidence::Role(ROLE, 3),
    ] {
        assert!(evidence.contains(&expected), "{evidence:?}");
    }
    assert!(decision.reasons.iter().all(|reason| reason.admits));
}

// AV-033: what a user may hand on bounds what an app gets, and what they may install.
#[test]
fn user_hands_on_only_what_the_account_lets_them() {
    let medicines = AccessSet::reading(CategorySet::of(&[Category::Medicines]));
    let documents = AccessSet::reading(CategorySet::of(&[Category::Documents]));
    for (limit, expected) in [(medicines, true), (documents, false), (AccessSet::ALL, true)] {
        let mut world = by_owner();
        world.app().user_limit = UserAppLimit { may_use: true, hands_on: Some(limit) };
        assert_eq!(world.decide().is_permitted, expected);
        let mut of_account = by_owner();
        of_account.facts.hands_on = Some(limit);
        assert_eq!(of_account.decide().is_permitted, expected);
        let mut installing = at_own_pages(door(MemberOrigin::Owner, MemberAccess::of(Level::Full)));
        installing.facts.hands_on = Some(limit);
        let install = installing.clone().acting(AccountAction::Install, medicines).decide();
        assert_eq!(install.is_permitted, expected);
        assert_eq!(install.reasons.denials().any(|reason| reason.operand == Operand::Giving), !expected);
        // It does not bound a share.
        assert!(installing.acting(AccountAction::Share, medicines).decide().is_permitted);
    }
}

// A proxy installs an app for their own use, and neither for the account nor for others.
#[test]
fn proxy_installs_for_own_use_and_never_shares_or_invites() {
    let given = MemberAccess::of(Level::Summary).effective();
    let world = at_own_pages(door(MemberOrigin::Role(ROLE), MemberAccess::of(Level::Full)));
    assert!(world.clone().acting(AccountAction::InstallForOwnUse, given).decide().is_permitted);
    let more = AccessSet::reading(CategorySet::VERY_RESTRICTED);
    assert!(!world.clone().acting(AccountAction::InstallForOwnUse, more).decide().is_permitted);
    for action in [AccountAction::Install, AccountAction::Share, AccountAction::Invite, AccountAction::Manage]
    {
        let decision = world.clone().acting(action, AccessSet::EMPTY).decide();
        assert!(
            !decision.is_permitted && decision.public_reason == Some(PublicReason::NoAccess),
            "{action:?}"
        );
    }
}

#[test]
fn app_controls_an_account_only_where_it_is_registered_and_listed_for_that() {
    for (registered, listed) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut world = by_owner().acting(AccountAction::Manage, AccessSet::EMPTY);
        let actions =
            |may: bool| if may { ActionSet::of(&[AccountAction::Manage]) } else { ActionSet::EMPTY };
        world.app().registered.actions = actions(registered);
        world.app().listed.actions = actions(listed);
        let decision = world.decide();
        assert_eq!(decision.is_permitted, registered && listed);
    }
}

#[test]
fn app_that_the_settings_govern_has_its_ceiling_and_no_more() {
    let access = AccessSet::reading(CategorySet::of(&[Category::Medicines]));
    let mut world = at_own_pages(door(MemberOrigin::Role(ROLE), MemberAccess::of(Level::Full)));
    world.facts.app = AppFacts::Configured(AppCeiling { access, actions: ActionSet::EMPTY });
    assert!(world.clone().asking(AccountAction::Read, Category::Medicines).decide().is_permitted);
    assert!(!world.clone().asking(AccountAction::Read, Category::Documents).decide().is_permitted);
    assert!(!world.clone().asking(AccountAction::Create, Category::Medicines).decide().is_permitted);
    // The whole includes its masked view, as for every other side.
    let whole = AccessSet::reading(CategorySet::of(&[Category::Appointments]));
    world.facts.app = AppFacts::Configured(AppCeiling { access: whole, actions: ActionSet::EMPTY });
    assert!(world.clone().asking(AccountAction::Read, Category::AppointmentTimes).decide().is_permitted);
    world.facts.app = AppFacts::Configured(AppCeiling::default());
    assert!(
        !world.asking(AccountAction::Read, Category::Medicines).decide().is_permitted,
        "denied by default"
    );
}

#[test]
fn masked_view_follows_from_the_permission_for_the_whole() {
    let mut world = by_owner().asking(AccountAction::Read, Category::AppointmentTimes);
    world.app().permissions = Cow::Owned(vec![permission(Category::Appointments, None)]);
    let decision = world.decide();
    assert_eq!(decision.obligations.masked_views, CategorySet::of(&[Category::AppointmentTimes]));
    world.app().permissions = Cow::Owned(vec![permission(Category::AppointmentTimes, None)]);
    assert!(world.decide().is_permitted);
    let whole = InstalledApp::clone(world.app());
    let mut asking = by_owner().asking(AccountAction::Read, Category::Appointments);
    asking.facts.app = AppFacts::Installed(whole);
    assert!(!asking.decide().is_permitted, "the masked view is not the whole");
    asking.data().understands_masks = true;
    assert!(asking.decide().is_permitted);
}
