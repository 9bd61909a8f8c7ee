use std::borrow::Cow;

use chrono::TimeDelta;
use uuid::Uuid;

use super::fixture::{ACCOUNT, ROLE, USER, World, at_own_pages, by_app, door, now};
use crate::account::category::{Category, CategorySet, Sensitivity};
use crate::account::decision::{
    AccountState, AppFacts, DecisionParty, EvidenceLapse, InstallationState, ListingState, Operand,
    PublicReason, ResourceLabel, VetoTarget,
};
use crate::account::level::{AccessSet, AccountAction, ActionSet, Level, MemberAccess, RoleLimits};
use crate::account::member::{MemberEnd, MemberOrigin, MemberState};
use crate::account::proofing::Proofing;
use crate::person::state::PersonState;
use crate::proxy::role_state::Status;

type Change = fn(&mut World);

const OTHER: Uuid = Uuid::from_u128(0xff);

/// Every way to take something away from a permitted decision, and the operand that denies then.
const REMOVALS: &[(&str, Operand, Change)] = &[
    ("another account", Operand::Account, |it| it.question.account = OTHER),
    ("account held", Operand::Account, |it| it.facts.account.state = AccountState::Held),
    ("AC-33 account closed", Operand::Account, |it| it.facts.account.state = AccountState::Closed),
    ("AC-34 patient died", Operand::People, |it| it.facts.account.person = PersonState::Died),
    ("AC-11 patient restricted", Operand::People, |it| it.facts.account.person = PersonState::Restricted),
    ("AC-35 number superseded", Operand::People, |it| it.facts.account.person = PersonState::Superseded),
    ("AC-11 user restricted", Operand::People, |it| it.facts.party = party(USER, PersonState::Restricted)),
    ("user died", Operand::People, |it| it.facts.party = party(USER, PersonState::Died)),
    ("another user", Operand::Member, |it| it.facts.party = party(OTHER, PersonState::Alive)),
    ("no member", Operand::Member, |it| it.facts.doors = Cow::Borrowed(&[])),
    ("ATTACK-2 member of another account", Operand::Member, |it| it.member().account = OTHER),
    ("member of no user", Operand::Member, |it| it.member().user = None),
    ("member invited", Operand::Member, |it| it.member().state = MemberState::Invited),
    ("AC-08 member paused", Operand::Member, |it| it.member().state = MemberState::Paused),
    ("AC-08 member ended", Operand::Member, |it| it.member().state = MemberState::Ended(MemberEnd::Left)),
    ("member not begun", Operand::Member, |it| it.member().start_at = Some(now() + TimeDelta::seconds(1))),
    ("member expired", Operand::Member, |it| it.member().end_at = Some(now() - TimeDelta::seconds(1))),
    ("log-in of staff", Operand::Member, |it| it.facts.session.is_staff = true),
    ("no role", Operand::Role, |it| it.door().role = None),
    ("another role", Operand::Role, |it| it.role().id = OTHER),
    ("AC-03 role inactive", Operand::Role, |it| it.role().status = Status::Inactive),
    ("role rejected", Operand::Role, |it| it.role().status = Status::Rejected),
    ("role not begun", Operand::Role, |it| it.role().start_at = Some(now() + TimeDelta::seconds(1))),
    ("role over", Operand::Role, |it| it.role().end_at = Some(now() - TimeDelta::milliseconds(1))),
    ("veto on evidence", Operand::Role, |it| it.role().lapse = Some(EvidenceLapse::Veto)),
    ("evidence fell away", Operand::Role, |it| it.role().lapse = Some(EvidenceLapse::Held)),
    ("ATTACK-5 role narrowed since the grant", Operand::Role, |it| it.role().epoch = 5),
    ("ATTACK-5 account changed since the grant", Operand::Grant, |it| it.facts.account.epoch = 5),
    ("ATTACK-2 grant of another account", Operand::Grant, |it| grant(it).account = OTHER),
    ("grant revoked", Operand::Grant, |it| grant(it).is_revoked = true),
    ("grant expired", Operand::Grant, |it| grant(it).expires_at = now()),
    ("level", Operand::Level, |it| it.member().access.level = Level::BookAndOrder.newest()),
    ("level of an unknown version", Operand::Level, |it| it.member().access.level.version = 2),
    ("limits", Operand::Limits, |it| it.member().access.limits = Some(RoleLimits::EMPTY)),
    ("excluded", Operand::Exclusion, |it| it.member().access.excluded = medicines()),
    ("AC-04 narrowed", Operand::Exclusion, |it| {
        it.member().narrowed_to = Some(MemberAccess::of(Level::BookAndOrder));
    }),
    ("label above the level", Operand::Label, |it| {
        it.data().label = ResourceLabel::Labelled(Sensitivity::VeryRestricted);
    }),
    ("no label at a source that labels", Operand::Label, |it| it.data().label = ResourceLabel::Missing),
    ("no category", Operand::Category, |it| it.data().categories = CategorySet::EMPTY),
    ("type of another category", Operand::Category, |it| it.data().resource_type = Some("Patient".into())),
    ("unknown type", Operand::Category, |it| it.data().resource_type = Some("Nothing".into())),
    ("proofing", Operand::Category, |it| it.facts.session.proofing = Proofing::P5),
    ("action without permission", Operand::Permission, |it| it.question.action = AccountAction::Create),
    ("action on the account with data", Operand::Question, |it| it.question.action = AccountAction::Manage),
    ("app not installed", Operand::App, |it| it.facts.app = AppFacts::NotInstalled),
    ("app without registration", Operand::App, |it| it.app().registered.access = AccessSet::EMPTY),
    ("app without listing", Operand::App, |it| it.app().listed.access = AccessSet::EMPTY),
    ("ATTACK-2 installation of another account", Operand::App, |it| it.app().account = OTHER),
    ("app paused", Operand::App, |it| it.app().state = InstallationState::Paused),
    ("app suspended", Operand::App, |it| it.app().state = InstallationState::Suspended),
    ("app removed", Operand::App, |it| it.app().state = InstallationState::Removed),
    ("installation expired", Operand::App, |it| it.app().expires_at = now()),
    ("ATTACK-18 app changed since the grant", Operand::App, |it| it.app().epoch = 5),
    ("listing suspended", Operand::App, |it| it.app().listing_state = ListingState::Suspended),
    ("listing retired", Operand::App, |it| it.app().listing_state = ListingState::Retired),
    ("listing draft", Operand::App, |it| it.app().listing_state = ListingState::Draft),
    ("not in the beta group", Operand::App, |it| {
        it.app().listing_state = ListingState::Beta { is_in_group: false };
    }),
    ("ATTACK-16 app of a developer", Operand::App, |it| {
        it.app().listing_state = ListingState::Sandbox { developer: USER };
    }),
    ("AV-032 user may not use the app", Operand::App, |it| it.app().user_limit.may_use = false),
    ("AV-033 user hands nothing on", Operand::Giving, |it| it.facts.hands_on = Some(AccessSet::EMPTY)),
    ("AV-033 user hands nothing on to the app", Operand::Giving, |it| {
        it.app().user_limit.hands_on = Some(AccessSet::EMPTY);
    }),
    ("app of another role", Operand::App, |it| it.app().role = Some(OTHER)),
    ("no permission", Operand::Permission, |it| it.app().permissions = Cow::Borrowed(&[])),
    ("permission of another category", Operand::Permission, |it| {
        it.permission().category = Category::Conditions;
    }),
    ("permission without the action", Operand::Permission, |it| it.permission().actions = ActionSet::EMPTY),
    ("permission not begun", Operand::Permission, |it| {
        it.permission().start_at = now() + TimeDelta::seconds(1);
    }),
    ("permission over", Operand::Permission, |it| it.permission().end_at = now()),
    ("permission ended", Operand::Permission, |it| it.permission().ended_at = Some(now())),
    ("ATTACK-10 permission by another role", Operand::Permission, |it| it.permission().role = Some(OTHER)),
];

fn party(user: Uuid, state: PersonState) -> DecisionParty {
    DecisionParty::User { user, state }
}

fn medicines() -> CategorySet {
    CategorySet::of(&[Category::Medicines])
}

fn grant(world: &mut World) -> &mut crate::account::decision::GrantFacts {
    world.facts.grant.as_mut().unwrap()
}

// ATTACK-19, PD-31, AC-03, AC-08, AC-10, AC-11, AC-20, AC-33, AC-34, AC-35
#[test]
fn removing_any_operand_denies_and_the_reasons_name_it() {
    assert!(by_app().decide().is_permitted, "{:#?}", by_app().decide());
    for (name, operand, change) in REMOVALS {
        let mut world = by_app();
        change(&mut world);
        let decision = world.decide();
        assert!(!decision.is_permitted, "{name}");
        assert!(decision.denials(*operand), "{name}: {:?}", decision.reasons);
        assert!(decision.public_reason.is_some(), "{name}");
        assert_eq!(decision.obligations.categories, CategorySet::EMPTY, "{name}");
        assert_eq!(decision.obligations.step_up.is_some(), *name == "proofing", "{name}");
    }
}

impl crate::account::decision::Decision {
    fn denials(&self, operand: Operand) -> bool {
        self.reasons.denials().any(|reason| reason.operand == operand)
    }
}

#[test]
fn two_things_taken_away_deny_as_well() {
    for (number, (_, _, first)) in REMOVALS.iter().enumerate() {
        for (name, _, second) in REMOVALS.iter().skip(number + 1).filter(|(name, _, _)| {
            // These change parts that an earlier change may have removed.
            !name.starts_with("app") && !name.contains("role") && !name.contains("label")
        }) {
            let mut world = by_app();
            second(&mut world);
            let is_installed = matches!(world.facts.app, AppFacts::Installed(_));
            let has_door = world.facts.doors.first().is_some_and(|door| door.role.is_some());
            let has_permission = is_installed && !world.app().permissions.is_empty();
            let is_data = matches!(world.question.target, crate::account::decision::DecisionTarget::Data(_));
            if is_installed && has_door && has_permission && is_data {
                first(&mut world);
                assert!(!world.decide().is_permitted, "{name}");
            }
        }
    }
}

fn origins() -> [MemberOrigin; 4] {
    [MemberOrigin::Owner, MemberOrigin::Role(ROLE), MemberOrigin::Share, MemberOrigin::StaffShare]
}

fn limits() -> impl Iterator<Item = Option<RoleLimits>> {
    use crate::account::level::RequestedAccess;
    let single = RequestedAccess::ALL.into_iter().map(|code| Some(RoleLimits::of(&[code])));
    single.chain([None, Some(RoleLimits::EMPTY), Some(RoleLimits::ALL)])
}

const STATES: [MemberState; 4] =
    [MemberState::Invited, MemberState::Active, MemberState::Paused, MemberState::Ended(MemberEnd::Removed)];

/// Every question about one category, of every kind of member, against the definition: levels × limits × origins × states ×
/// actions × categories.
#[test]
fn decision_of_every_member_follows_the_definition() {
    let mut counts = (0_u32, 0_u32);
    for origin in origins() {
        for level in Level::ALL {
            for limits in limits() {
                let access = MemberAccess { limits, ..MemberAccess::of(level) };
                for state in STATES {
                    let mut world = at_own_pages(door(origin, access));
                    world.member().state = state;
                    for category in Category::ALL {
                        for action in ActionSet::DATA.iter() {
                            let asking = world.clone().asking(action, category);
                            let decision = asking.decide();
                            let effective = asking.facts.doors[0].member.effective();
                            let expected = state == MemberState::Active
                                && (action.is_reading() || !CategorySet::MASKED_VIEWS.has(category))
                                && effective.with_masked_views().has(category, action);
                            assert_eq!(
                                decision.is_permitted, expected,
                                "{origin:?} {access:?} {category:?} {action:?}"
                            );
                            assert_eq!(decision.is_permitted, decision.public_reason.is_none());
                            assert!(decision.is_permitted || decision.reasons.denials().next().is_some());
                            if decision.is_permitted { counts.0 += 1 } else { counts.1 += 1 }
                        }
                    }
                }
            }
        }
    }
    assert!(counts.0 > 5000 && counts.1 > 5000, "{counts:?}");
}

#[test]
fn narrowing_a_level_or_limits_never_permits_more() {
    for (number, narrow) in Level::ALL.into_iter().enumerate() {
        for wide in Level::ALL.into_iter().skip(number) {
            for limits in limits() {
                for category in Category::ALL {
                    for action in ActionSet::DATA.iter() {
                        let ask = |level, limits| {
                            let access = MemberAccess { limits, ..MemberAccess::of(level) };
                            let door = door(MemberOrigin::Role(ROLE), access);
                            at_own_pages(door).asking(action, category).decide().is_permitted
                        };
                        let (is_less, is_more) = (ask(narrow, limits), ask(wide, None));
                        assert!(
                            !is_less || is_more,
                            "{narrow:?} {wide:?} {limits:?} {category:?} {action:?}"
                        );
                    }
                }
            }
        }
    }
}

// A veto beats every grant.
#[test]
fn adding_a_veto_denies_whatever_the_member_has() {
    for origin in origins() {
        for level in Level::ALL {
            for action in ActionSet::DATA.iter() {
                // A masked view is for reading.
                let is_asked = |it: &Category| action.is_reading() || !CategorySet::MASKED_VIEWS.has(*it);
                for category in Category::ALL.into_iter().filter(is_asked) {
                    let access = MemberAccess {
                        may_manage: true,
                        opened: CategorySet::ALL,
                        ..MemberAccess::of(level)
                    };
                    let world = at_own_pages(door(origin, access)).asking(action, category);
                    for target in [VetoTarget::Everyone, VetoTarget::User(USER)] {
                        let one = CategorySet::of(&[category]);
                        for categories in [one, CategorySet::ALL] {
                            let vetoed = world.clone().vetoed(target, categories, false).decide();
                            assert!(!vetoed.is_permitted, "{origin:?} {category:?} {action:?}");
                        }
                        let others = CategorySet::ALL.without(one).without(
                            // A veto on the whole closes its masked view.
                            CategorySet::of(&category.entry().masked_view_of.into_iter().collect::<Vec<_>>()),
                        );
                        let spared = world.clone().vetoed(target, others, true).decide();
                        assert_eq!(
                            spared.is_permitted,
                            world.decide().is_permitted,
                            "{origin:?} {category:?}"
                        );
                    }
                    let but_owner =
                        world.clone().vetoed(VetoTarget::AllButOwner, CategorySet::ALL, true).decide();
                    assert_eq!(
                        but_owner.is_permitted,
                        origin == MemberOrigin::Owner,
                        "{origin:?} {category:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn veto_on_a_role_leaves_the_share_of_the_same_user() {
    let mut world = at_own_pages(door(MemberOrigin::Role(ROLE), MemberAccess::of(Level::Full)));
    world.facts.doors.to_mut().push(door(MemberOrigin::Share, MemberAccess::of(Level::Summary)));
    let world = world.vetoed(VetoTarget::Role(ROLE), CategorySet::ALL, true);
    assert!(world.clone().asking(AccountAction::Read, Category::Medicines).decide().is_permitted);
    assert!(!world.clone().asking(AccountAction::Read, Category::Documents).decide().is_permitted);
    let world = world.vetoed(VetoTarget::User(USER), CategorySet::ALL, true);
    assert!(!world.asking(AccountAction::Read, Category::Medicines).decide().is_permitted);
}

// AC-02, AC-18
#[test]
fn two_origins_of_one_user_give_what_either_gives() {
    for (first, second) in [(Level::BookAndOrder, Level::Full), (Level::Full, Level::BookAndOrder)] {
        let mut world = at_own_pages(door(MemberOrigin::Role(ROLE), MemberAccess::of(first)));
        world.facts.doors.to_mut().push(door(MemberOrigin::Share, MemberAccess::of(second)));
        assert!(world.clone().asking(AccountAction::Read, Category::Documents).decide().is_permitted);
        // The end of one leaves the other.
        world.member().state = MemberState::Ended(MemberEnd::RoleEnded);
        let is_left = world.asking(AccountAction::Read, Category::Documents).decide().is_permitted;
        assert_eq!(is_left, second == Level::Full);
    }
}

#[test]
fn masked_view_is_permitted_where_the_whole_is_not_and_the_whole_wins() {
    let both = MemberAccess::of(Level::BookAndOrder);
    let times = MemberAccess { excluded: CategorySet::of(&[Category::Appointments]), ..both };
    let ask = |access, understands_masks, action| {
        let mut world =
            at_own_pages(door(MemberOrigin::Share, access)).asking(action, Category::Appointments);
        world.data().understands_masks = understands_masks;
        world.decide()
    };
    let whole = ask(both, true, AccountAction::Read);
    assert_eq!(whole.obligations.categories, CategorySet::of(&[Category::Appointments]));
    assert!(whole.is_permitted && whole.obligations.masked_views.is_empty());
    let masked = ask(times, true, AccountAction::Read);
    assert!(masked.is_permitted);
    assert_eq!(masked.obligations.masked_views, CategorySet::of(&[Category::AppointmentTimes]));
    assert_eq!(masked.obligations.categories, masked.obligations.masked_views);
    // PD-28: an enforcement point that does not render masks gets no conditional yes.
    assert!(!ask(times, false, AccountAction::Read).is_permitted);
    // A masked view is for reading.
    assert!(!ask(times, true, AccountAction::Update).is_permitted);
    assert!(ask(both, true, AccountAction::Update).is_permitted);
    let explicit =
        at_own_pages(door(MemberOrigin::Share, both)).asking(AccountAction::Read, Category::AppointmentTimes);
    assert_eq!(explicit.decide().obligations.masked_views, CategorySet::of(&[Category::AppointmentTimes]));
}

#[test]
fn resource_of_several_categories_needs_one_ordinary_and_every_sensitive_one() {
    let opened = |opened: &[Category]| MemberAccess {
        opened: CategorySet::of(opened),
        ..MemberAccess::of(Level::Detailed)
    };
    let table: [(&[Category], MemberAccess, bool); 7] = [
        (&[Category::BloodPressure, Category::Documents], opened(&[]), true),
        (&[Category::Documents], opened(&[]), false),
        (&[Category::Consultations, Category::MentalHealth], opened(&[]), false),
        (&[Category::Consultations, Category::MentalHealth], opened(&[Category::MentalHealth]), true),
        (&[Category::Documents, Category::MentalHealth], opened(&[Category::MentalHealth]), false),
        (&[Category::MentalHealth, Category::Safeguarding], opened(&[Category::MentalHealth]), false),
        (&[Category::MentalHealth], opened(&[Category::MentalHealth]), true),
    ];
    for (categories, access, expected) in table {
        let mut world = at_own_pages(door(MemberOrigin::Role(ROLE), access));
        world.data().categories = CategorySet::of(categories);
        let decision = world.decide();
        assert_eq!(decision.is_permitted, expected, "{categories:?}");
        assert_eq!(decision.reasons.denials().next().is_some(), !expected, "{categories:?}");
    }
}

#[test]
fn staff_and_systems_reach_patients_by_the_rules_of_their_practice() {
    for is_within_reach in [true, false] {
        for person in PersonState::ALL {
            let mut world = at_own_pages(door(MemberOrigin::Owner, MemberAccess::of(Level::Full)));
            world.facts.doors = Cow::Borrowed(&[]);
            world.facts.party = DecisionParty::Organisation { is_within_reach };
            world.facts.account.person = person;
            let expected = is_within_reach && matches!(person, PersonState::Alive | PersonState::Died);
            assert_eq!(world.decide().is_permitted, expected, "{person:?}");
            let managing = world.acting(AccountAction::Manage, AccessSet::EMPTY);
            assert!(!managing.decide().is_permitted);
        }
    }
}

// AC-10, PD-26
#[test]
fn member_without_manage_controls_nothing_and_is_not_offered_to_ask() {
    for origin in origins() {
        for action in ActionSet::CONTROL.iter() {
            let world =
                at_own_pages(door(origin, MemberAccess::of(Level::Full))).acting(action, AccessSet::EMPTY);
            let decision = world.decide();
            let is_own_install = action == AccountAction::InstallForOwnUse && origin.role().is_some();
            let expected = origin == MemberOrigin::Owner || is_own_install;
            assert_eq!(decision.is_permitted, expected, "{origin:?} {action:?}");
            assert_eq!(decision.public_reason, (!expected).then_some(PublicReason::NoAccess));
        }
    }
}

#[test]
fn nothing_is_given_that_the_giver_does_not_have() {
    let own = MemberAccess { may_manage: true, ..MemberAccess::of(Level::Summary) };
    let world = at_own_pages(door(MemberOrigin::Share, own));
    for level in Level::ALL {
        for action in [AccountAction::Share, AccountAction::Install, AccountAction::InstallForOwnUse] {
            let given = MemberAccess::of(level).effective();
            let decision = world.clone().acting(action, given).decide();
            assert_eq!(decision.is_permitted, level <= Level::Summary, "{level:?} {action:?}");
            assert_eq!(decision.is_permitted, !decision.denials(Operand::Giving), "{level:?} {action:?}");
        }
    }
    let vetoed = world.vetoed(VetoTarget::User(USER), CategorySet::of(&[Category::Medicines]), false);
    let given = MemberAccess::of(Level::Summary).effective();
    assert!(
        !vetoed.acting(AccountAction::Share, given).decide().is_permitted,
        "a veto narrows what can be given"
    );
    assert_eq!(ACCOUNT, by_app().question.account);
}
