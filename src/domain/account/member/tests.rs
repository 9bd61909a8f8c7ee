use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use crate::account::category::{Category, CategorySet, Sensitivity};
use crate::account::level::{AccessSet, AccountAction, ActionSet, Level, MemberAccess};
use crate::account::member::{
    CategoryOpening, InvalidMemberTransition, Invitation, InvitationAnswer, InvitationRefused,
    InvitationState, Member, MemberEnd, MemberEvent, MemberOrigin, MemberState, OpenedBy, ShareAges,
    ShareDraft, ShareRefused, UserAppLimit, check_opening, check_share,
};
use crate::account::proofing::Proofing;

const USER: Uuid = Uuid::from_u128(7);

const EVENTS: [MemberEvent; 14] = [
    MemberEvent::Accept(USER),
    MemberEvent::Decline,
    MemberEvent::Lapse,
    MemberEvent::Withdraw,
    MemberEvent::Void,
    MemberEvent::Pause,
    MemberEvent::Resume,
    MemberEvent::Leave,
    MemberEvent::Remove,
    MemberEvent::Expire,
    MemberEvent::RoleActivated,
    MemberEvent::RoleSuspended,
    MemberEvent::RoleEnded,
    MemberEvent::CloseAccount,
];

const ORIGINS: [MemberOrigin; 4] = [
    MemberOrigin::Owner,
    MemberOrigin::Role(Uuid::from_u128(9)),
    MemberOrigin::Share,
    MemberOrigin::StaffShare,
];

const STATES: [MemberState; 4] =
    [MemberState::Invited, MemberState::Active, MemberState::Paused, MemberState::Ended(MemberEnd::Left)];

fn member(origin: MemberOrigin, state: MemberState) -> Member {
    let invited = Member::invited(
        Uuid::from_u128(1),
        Uuid::from_u128(2),
        origin,
        MemberAccess::of(Level::Summary),
        USER,
    );
    Member { state, user: Some(Uuid::from_u128(8)), ..invited }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The whole table of a share: invited → active, lapsed or declined; active ⇄ paused; either → ended.
#[test]
fn share_has_these_transitions_and_no_others() {
    use MemberEnd as End;
    let table = [
        (MemberState::Invited, MemberEvent::Accept(USER), MemberState::Active),
        (MemberState::Invited, MemberEvent::Decline, MemberState::Ended(End::Declined)),
        (MemberState::Invited, MemberEvent::Lapse, MemberState::Ended(End::Lapsed)),
        (MemberState::Invited, MemberEvent::Withdraw, MemberState::Ended(End::Withdrawn)),
        (MemberState::Invited, MemberEvent::Void, MemberState::Ended(End::Voided)),
        (MemberState::Invited, MemberEvent::CloseAccount, MemberState::Ended(End::AccountClosed)),
        (MemberState::Active, MemberEvent::Pause, MemberState::Paused),
        (MemberState::Active, MemberEvent::Leave, MemberState::Ended(End::Left)),
        (MemberState::Active, MemberEvent::Remove, MemberState::Ended(End::Removed)),
        (MemberState::Active, MemberEvent::Expire, MemberState::Ended(End::Expired)),
        (MemberState::Active, MemberEvent::CloseAccount, MemberState::Ended(End::AccountClosed)),
        (MemberState::Paused, MemberEvent::Resume, MemberState::Active),
        (MemberState::Paused, MemberEvent::Leave, MemberState::Ended(End::Left)),
        (MemberState::Paused, MemberEvent::Remove, MemberState::Ended(End::Removed)),
        (MemberState::Paused, MemberEvent::Expire, MemberState::Ended(End::Expired)),
        (MemberState::Paused, MemberEvent::CloseAccount, MemberState::Ended(End::AccountClosed)),
    ];
    for origin in [MemberOrigin::Share, MemberOrigin::StaffShare] {
        for state in STATES {
            for event in EVENTS {
                let row = table.iter().find(|(from, on, _)| *from == state && *on == event);
                let after = member(origin, state).after(event);
                match row {
                    Some((_, _, to)) => assert_eq!(after.unwrap().state, *to, "{state:?} {event:?}"),
                    None => assert_eq!(after, Err(InvalidMemberTransition::State), "{state:?} {event:?}"),
                }
            }
        }
    }
}

// AC-03, AC-05, AC-33
#[test]
fn member_by_role_follows_its_role_and_has_no_transitions_of_its_own() {
    for state in STATES {
        for event in EVENTS {
            let after = member(ORIGINS[1], state).after(event).map(|member| member.state);
            let expected = match (event, state) {
                (MemberEvent::RoleActivated, MemberState::Active) => Err(InvalidMemberTransition::State),
                (MemberEvent::RoleActivated, _) => Ok(MemberState::Active),
                (MemberEvent::RoleSuspended, MemberState::Active) => Ok(MemberState::Paused),
                (MemberEvent::RoleEnded, MemberState::Active | MemberState::Paused) => {
                    Ok(MemberState::Ended(MemberEnd::RoleEnded))
                }
                (MemberEvent::RoleSuspended | MemberEvent::RoleEnded, _) => {
                    Err(InvalidMemberTransition::State)
                }
                _ => Err(InvalidMemberTransition::FollowsRole),
            };
            assert_eq!(after, expected, "{state:?} {event:?}");
        }
    }
}

#[test]
fn owner_ends_only_with_the_account() {
    for state in STATES {
        for event in EVENTS {
            let after = member(MemberOrigin::Owner, state).after(event).map(|member| member.state);
            let is_end = state == MemberState::Active && event == MemberEvent::CloseAccount;
            let end = MemberState::Ended(MemberEnd::AccountClosed);
            assert_eq!(after, if is_end { Ok(end) } else { Err(InvalidMemberTransition::Owner) });
        }
    }
}

#[test]
fn an_accepted_invitation_names_its_user_and_each_transition_is_a_version() {
    let invited = Member { user: None, ..member(MemberOrigin::Share, MemberState::Invited) };
    let accepted = invited.after(MemberEvent::Accept(USER)).unwrap();
    assert_eq!((accepted.user, accepted.version), (Some(USER), 2));
    let paused = accepted.after(MemberEvent::Pause).unwrap();
    assert_eq!((paused.user, paused.version), (Some(USER), 3));
}

// AC-01
#[test]
fn account_has_an_owner_from_the_first_log_in_at_p9() {
    let owner = |proofing| Member::owner(Uuid::nil(), Uuid::nil(), USER, proofing);
    assert_eq!(owner(Proofing::P0), None);
    assert_eq!(owner(Proofing::P5), None);
    let owner = owner(Proofing::P9).unwrap();
    assert_eq!(
        (owner.state, owner.effective(), owner.may_manage()),
        (MemberState::Active, AccessSet::ALL, true)
    );
}

#[test]
fn member_is_in_force_only_while_active_and_within_its_period() {
    let (start, end) = (at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
    for state in STATES {
        let member =
            Member { start_at: Some(start), end_at: Some(end), ..member(MemberOrigin::Share, state) };
        let tick = TimeDelta::milliseconds(1);
        for (now, is_within) in [(start - tick, false), (start, true), (end, true), (end + tick, false)] {
            assert_eq!(member.is_in_force(now), is_within && state == MemberState::Active, "{state:?} {now}");
        }
    }
}

// AC-09, AC-10
#[test]
fn only_the_owner_and_a_share_with_that_flag_may_manage() {
    for origin in ORIGINS {
        for may_manage in [false, true] {
            let access = MemberAccess { may_manage, ..MemberAccess::of(Level::Full) };
            let member = Member { access, ..member(origin, MemberState::Active) };
            let expected = origin == MemberOrigin::Owner || may_manage && origin == MemberOrigin::Share;
            assert_eq!(member.may_manage(), expected, "{origin:?}");
            for action in
                [AccountAction::Invite, AccountAction::Share, AccountAction::Manage, AccountAction::Install]
            {
                assert_eq!(member.account_actions().has(action), expected, "{origin:?} {action:?}");
            }
            let sees_members = member.effective().has(Category::WhoCanAct, AccountAction::Read);
            assert_eq!(sees_members, expected, "{origin:?}");
            let closes = member.account_actions().has(AccountAction::Close);
            assert_eq!(closes, origin == MemberOrigin::Owner);
            let installs_own = member.account_actions().has(AccountAction::InstallForOwnUse);
            assert_eq!(installs_own, expected || origin.role().is_some(), "{origin:?}");
        }
    }
}

// ATTACK-9: a share never shows sensitive categories, whatever its row says
#[test]
fn share_never_opens_very_restricted_categories() {
    for origin in ORIGINS {
        let access = MemberAccess { opened: CategorySet::ALL, ..MemberAccess::of(Level::Full) };
        let member = Member { access, ..member(origin, MemberState::Active) };
        let reads = member.effective().categories(AccountAction::Read);
        let is_open = !reads.and(CategorySet::VERY_RESTRICTED).is_empty();
        assert_eq!(is_open, origin != MemberOrigin::Share, "{origin:?}");
        let very = member.effective_for_label(Sensitivity::VeryRestricted);
        assert_eq!(very.is_empty(), origin == MemberOrigin::Share, "{origin:?}");
    }
}

// AC-04: kept through role edits
#[test]
fn narrowed_member_by_role_stays_narrowed_when_the_role_changes() {
    let narrow = MemberAccess::of(Level::Summary);
    for of_role in Level::ALL {
        let member = Member {
            access: MemberAccess::of(of_role),
            narrowed_to: Some(narrow),
            ..member(ORIGINS[1], MemberState::Active)
        };
        let expected = MemberAccess::of(of_role.min(Level::Summary)).effective();
        assert_eq!(member.effective(), expected, "{of_role:?}");
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn answer<'a>(code: &'a str, birth_date: &str) -> InvitationAnswer<'a> {
    InvitationAnswer { code_digest: code, owner_birth_date: day(birth_date), proofing: Proofing::P9, age: 30 }
}

// AC-06, AC-07, ATTACK-7
#[test]
fn invitation_is_accepted_once_within_thirty_days_at_p9_by_a_user_of_age() {
    let now = at("2026-11-28T12:00:00Z");
    let ages = ShareAges::ENGLAND_AND_WALES;
    let new = || Invitation::new("digest".to_owned(), day("1980-05-01"), now);
    let right = answer("digest", "1980-05-01");
    let (used, result) = new().answered(&right, ages, now + TimeDelta::days(30) - TimeDelta::milliseconds(1));
    assert_eq!((used.state, result), (InvitationState::Accepted, Ok(())));
    assert_eq!(used.answered(&right, ages, now).1, Err(InvitationRefused::NotOpen));
    assert_eq!(new().answered(&right, ages, now + TimeDelta::days(30)).1, Err(InvitationRefused::Expired));
    for proofing in [Proofing::P0, Proofing::P5] {
        let weak = InvitationAnswer { proofing, ..right };
        assert_eq!(new().answered(&weak, ages, now).1, Err(InvitationRefused::Proofing));
    }
    let young = InvitationAnswer { age: 17, ..right };
    assert_eq!(new().answered(&young, ages, now).1, Err(InvitationRefused::Age));
    let other = ShareAges { invitee: 16, ..ages };
    assert_eq!(new().answered(&young, other, now).1, Ok(()));
}

// AC-06, AC-12, ATTACK-7
#[test]
fn invitation_is_void_after_five_wrong_answers_and_every_refusal_reads_the_same() {
    let now = at("2026-11-28T12:00:00Z");
    let ages = ShareAges::ENGLAND_AND_WALES;
    let mut invitation = Invitation::new("digest".to_owned(), day("1980-05-01"), now);
    for count in 1..=5 {
        let wrong =
            if count % 2 == 0 { answer("other", "1980-05-01") } else { answer("digest", "1980-05-02") };
        let (after, result) = invitation.answered(&wrong, ages, now);
        assert_eq!(result, Err(InvitationRefused::WrongAnswer));
        invitation = after;
        assert_eq!(invitation.state == InvitationState::Void, count == 5, "{count}");
    }
    let (_, result) = invitation.answered(&answer("digest", "1980-05-01"), ages, now);
    assert_eq!(result, Err(InvitationRefused::NotOpen));
    let texts = [
        InvitationRefused::NotOpen,
        InvitationRefused::Expired,
        InvitationRefused::WrongAnswer,
        InvitationRefused::Proofing,
        InvitationRefused::Age,
    ]
    .map(|refused| refused.to_string());
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

// AC-07, AC-09 and: no user gives more than they have
#[test]
fn share_is_checked_rule_by_rule() {
    let ages = ShareAges::ENGLAND_AND_WALES;
    let good = ShareDraft {
        origin: MemberOrigin::Share,
        access: MemberAccess::of(Level::Summary),
        is_manage_confirmed: false,
        access_of_giver: AccessSet::ALL,
        owner_age: 16,
        invitee_age: None,
    };
    let manage = MemberAccess { may_manage: true, ..good.access };
    let sensitive = MemberAccess { opened: CategorySet::of(&[Category::MentalHealth]), ..good.access };
    let mut unknown = good.access;
    unknown.level.version = 9;
    let table = [
        (good, Ok(())),
        (ShareDraft { invitee_age: Some(18), ..good }, Ok(())),
        (ShareDraft { invitee_age: Some(17), ..good }, Err(ShareRefused::InviteeAge)),
        (ShareDraft { owner_age: 15, ..good }, Err(ShareRefused::OwnerAge)),
        (ShareDraft { origin: MemberOrigin::Owner, ..good }, Err(ShareRefused::Origin)),
        (ShareDraft { origin: ORIGINS[1], ..good }, Err(ShareRefused::Origin)),
        (ShareDraft { access: manage, ..good }, Err(ShareRefused::Manage)),
        (ShareDraft { access: manage, is_manage_confirmed: true, ..good }, Ok(())),
        (
            ShareDraft {
                access: manage,
                is_manage_confirmed: true,
                origin: MemberOrigin::StaffShare,
                ..good
            },
            Err(ShareRefused::Manage),
        ),
        (ShareDraft { access: sensitive, ..good }, Err(ShareRefused::VeryRestricted)),
        (ShareDraft { access: sensitive, origin: MemberOrigin::StaffShare, ..good }, Ok(())),
        (ShareDraft { access: unknown, ..good }, Err(ShareRefused::UnknownLevel)),
        (
            ShareDraft { access_of_giver: MemberAccess::of(Level::BookAndOrder).effective(), ..good },
            Err(ShareRefused::MoreThanOwn),
        ),
    ];
    for (number, (share, expected)) in table.into_iter().enumerate() {
        assert_eq!(check_share(&share, ages), expected, "row {number}");
    }
}

#[test]
fn sensitive_categories_are_opened_by_an_owner_from_thirteen_or_a_clinician_and_never_for_a_share() {
    let category = Category::MentalHealth;
    for origin in ORIGINS {
        for age in 0..20 {
            let result = check_opening(CategoryOpening { category, origin, by: OpenedBy::Owner { age } });
            let expected = match origin {
                MemberOrigin::Share => Err(ShareRefused::VeryRestricted),
                MemberOrigin::Owner | MemberOrigin::Role(_) | MemberOrigin::StaffShare if age < 13 => {
                    Err(ShareRefused::OwnerAge)
                }
                MemberOrigin::Owner | MemberOrigin::Role(_) | MemberOrigin::StaffShare => Ok(()),
            };
            assert_eq!(result, expected, "{origin:?} {age}");
        }
        let by_clinician = check_opening(CategoryOpening { category, origin, by: OpenedBy::Clinician });
        assert_eq!(by_clinician.is_ok(), origin.role().is_some(), "{origin:?}");
    }
}

#[test]
fn user_hands_on_to_an_app_no_more_than_the_account_lets_them() {
    let own = MemberAccess::of(Level::Detailed).effective();
    let most = AccessSet::every(ActionSet::READING, CategorySet::of(&[Category::BloodPressure]));
    assert_eq!(UserAppLimit::default().handed_on(own), AccessSet::EMPTY, "AV-032: denied by default");
    assert_eq!(UserAppLimit { may_use: true, hands_on: None }.handed_on(own), own);
    assert_eq!(UserAppLimit { may_use: true, hands_on: Some(most) }.handed_on(own), most, "AV-033");
    assert_eq!(UserAppLimit { may_use: false, hands_on: Some(most) }.handed_on(own), AccessSet::EMPTY);
}
