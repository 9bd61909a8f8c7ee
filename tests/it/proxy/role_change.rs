//! Changes of a role (domain rules, contract §2.3 #7, §6).

use chrono::{DateTime, Utc};
use domain::proxy::role_period::BadEnd;
use domain::proxy::{
    EndChange, LegalBasis, OdsCode, ReasonCode, Role, RoleChange, RoleError, Status, StatusReason,
};

use super::role_create::{LENIENT, STRICT, at, because, create, draft};

fn now() -> DateTime<Utc> {
    at("2026-11-22T12:00:00Z").earliest()
}

fn role(status: Status) -> Role {
    let mut role = create(draft(), STRICT).unwrap();
    role.status = status;
    role
}

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

fn to(status: Status, reason: ReasonCode) -> RoleChange {
    RoleChange { status: Some(status), reason: Some(because(reason)), ..RoleChange::default() }
}

fn until(end: &str) -> RoleChange {
    RoleChange { end: Some(EndChange::Set(at(end))), ..RoleChange::default() }
}

#[test]
fn ending_a_role_keeps_its_grantor_and_shows_the_reason() {
    let ended = role(Status::Active)
        .changed(to(Status::Inactive, ReasonCode::RoleDeactivatedSafeguarding), STRICT, now())
        .unwrap();
    assert_eq!(ended.status, Status::Inactive);
    assert_eq!(ended.reason.code(), ReasonCode::RoleDeactivatedSafeguarding);
    assert_eq!(ended.grantor, Some(ods("A20047")));
}

#[test]
fn rules_are_checked_in_the_order_of_the_contract() {
    let inactive = role(Status::Inactive);
    let without_reason = RoleChange { status: Some(Status::Active), ..RoleChange::default() };
    assert_eq!(inactive.changed(without_reason, STRICT, now()), Err(RoleError::MissingReason));
    // No grantor, and the reason of another transition: the grantor is reported first.
    let without_grantor = to(Status::Active, ReasonCode::RoleCreated);
    assert_eq!(inactive.changed(without_grantor.clone(), STRICT, now()), Err(RoleError::MissingGrantor));
    let wrong_reason = RoleChange { grantor: Some(ods("G81")), ..without_grantor };
    assert_eq!(inactive.changed(wrong_reason, STRICT, now()), Err(RoleError::ReasonNotAllowed));
    // No such transition, and no reason of any transition: the transition is reported first.
    let no_arrow = to(Status::Proposed, ReasonCode::RoleCreated);
    assert_eq!(role(Status::Active).changed(no_arrow, STRICT, now()), Err(RoleError::InvalidTransition));
}

#[test]
fn re_activation_requires_a_grantor_in_the_request() {
    let inactive = role(Status::Inactive);
    let change =
        RoleChange { grantor: Some(ods("B81001")), ..to(Status::Active, ReasonCode::RoleReactivated) };
    assert_eq!(inactive.changed(change, STRICT, now()).unwrap().grantor, Some(ods("B81001")));
}

#[test]
fn a_role_does_not_become_active_after_its_end() {
    let mut inactive = role(Status::Inactive);
    inactive.period.end = Some(at("2026-11-21"));
    let back = RoleChange { grantor: Some(ods("A20047")), ..to(Status::Active, ReasonCode::RoleReactivated) };
    assert_eq!(inactive.changed(back.clone(), STRICT, now()), Err(RoleError::End(BadEnd::Passed)));
    let later = RoleChange { end: Some(EndChange::Set(at("2027-11-21"))), ..back.clone() };
    assert!(inactive.changed(later, STRICT, now()).is_ok());
    assert!(inactive.changed(RoleChange { end: Some(EndChange::Clear), ..back }, STRICT, now()).is_ok());
}

#[test]
fn an_active_role_may_change_end_basis_and_grantor_without_a_status() {
    let active = role(Status::Active);
    let changed = active.changed(until("2027-01-01"), STRICT, now()).unwrap();
    assert_eq!(changed.period.end, Some(at("2027-01-01")));
    let clear = RoleChange { end: Some(EndChange::Clear), ..RoleChange::default() };
    assert_eq!(changed.changed(clear, STRICT, now()).unwrap().period.end, None);
    let basis = RoleChange { legal_basis: Some(LegalBasis::Consent), ..RoleChange::default() };
    assert_eq!(active.changed(basis, STRICT, now()).unwrap().legal_basis, LegalBasis::Consent);
    let grantor = RoleChange { grantor: Some(ods("B81001")), ..RoleChange::default() };
    assert_eq!(active.changed(grantor, STRICT, now()).unwrap().grantor, Some(ods("B81001")));
}

#[test]
fn only_an_active_role_allows_edits_without_a_status() {
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Active) {
        let refused = role(status).changed(until("2027-01-01"), STRICT, now());
        assert_eq!(refused, Err(RoleError::InvalidTransition), "{status:?}");
    }
}

#[test]
fn same_status_requires_another_change() {
    let active = role(Status::Active);
    let again = to(Status::Active, ReasonCode::RoleCreated);
    for rules in [STRICT, LENIENT] {
        assert_eq!(active.changed(again.clone(), rules, now()), Err(RoleError::InvalidTransition));
    }
    let with_end = RoleChange { end: Some(EndChange::Set(at("2027-01-01"))), ..again };
    assert!(active.changed(with_end, STRICT, now()).is_ok());
}

#[test]
fn change_without_a_difference_creates_no_version() {
    let active = role(Status::Active);
    let same = RoleChange {
        legal_basis: Some(active.legal_basis),
        grantor: active.grantor.clone(),
        ..RoleChange::default()
    };
    assert_eq!(active.changed(same, STRICT, now()).unwrap(), active);
    assert_eq!(active.changed(RoleChange::default(), STRICT, now()).unwrap(), active);
}

#[test]
fn a_new_end_lies_neither_in_the_past_nor_before_the_start() {
    let active = role(Status::Active);
    assert_eq!(active.changed(until("2026-11-21"), STRICT, now()), Err(RoleError::End(BadEnd::Passed)));
    assert_eq!(active.changed(until("2025-12-31"), STRICT, now()), Err(RoleError::End(BadEnd::BeforeStart)));
}

#[test]
fn every_reason_is_checked_against_every_transition() {
    for reason in ReasonCode::all() {
        let change = to(Status::Inactive, reason);
        let strict = role(Status::Active).changed(change.clone(), STRICT, now());
        let explains = reason.code().starts_with("ROLE_DEACTIVATED_")
            || [ReasonCode::RoleSuspendedPendingReview, ReasonCode::Other].contains(&reason);
        assert_eq!(strict.is_ok(), explains, "{}", reason.code());
        assert!(role(Status::Active).changed(change, LENIENT, now()).is_ok(), "{}", reason.code());
    }
}

#[test]
fn a_role_whose_end_has_passed_counts_as_inactive() {
    let mut active = role(Status::Active);
    active.period.end = Some(at("2026-11-22"));
    assert_eq!(active.clone().as_of(at("2026-11-22T23:59:59.999Z").earliest()), active);
    let lapsed = active.as_of(at("2026-11-23T00:00:00Z").earliest());
    assert_eq!((lapsed.status, lapsed.reason), (Status::Inactive, StatusReason::END_DATE_REACHED));
}
