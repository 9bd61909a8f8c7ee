//! Creation of a role (contract §5 #5, §6).

use base::date_time::FhirDateTime;
use domain::person::{NhsNumber, NumberCheck};
use domain::proxy::role_period::BadEnd;
use domain::proxy::{
    LegalBasis, Lifecycle, OdsCode, ReasonCheck, ReasonCode, Role, RoleDraft, RoleError, RolePeriod, Rules,
    Status, StatusReason,
};
use uuid::Uuid;

pub const STRICT: Rules = Rules { lifecycle: Lifecycle::Decisions, reasons: ReasonCheck::ByTransition };
pub const LENIENT: Rules = Rules { lifecycle: Lifecycle::Decisions, reasons: ReasonCheck::KnownCode };

pub fn number(text: &str) -> NhsNumber {
    NhsNumber::parse(text, NumberCheck::Modulus11).unwrap()
}

pub fn at(text: &str) -> FhirDateTime {
    FhirDateTime::parse(text).unwrap()
}

pub fn because(code: ReasonCode) -> StatusReason {
    StatusReason::new(code, Some("words".to_owned())).unwrap()
}

pub fn draft() -> RoleDraft {
    RoleDraft {
        proxy: number("9000000017"),
        patient: number("9000000009"),
        status: Status::Active,
        reason: because(ReasonCode::RoleCreated),
        legal_basis: LegalBasis::ParentalResponsibility,
        grantor: Some(OdsCode::parse("A20047").unwrap()),
        period: RolePeriod { start: Some(at("2026-01-01")), end: None },
        created: at("2026-01-01"),
    }
}

pub fn create(draft: RoleDraft, rules: Rules) -> Result<Role, RoleError> {
    Role::create(Uuid::nil(), draft, rules, at("2026-11-22T12:00:00Z").earliest())
}

#[test]
fn an_active_role_with_a_grantor_is_created() {
    let role = create(draft(), STRICT).unwrap();
    assert_eq!((role.status, role.grantor.unwrap().as_str()), (Status::Active, "A20047"));
}

#[test]
fn active_role_without_a_grantor_is_rejected() {
    let without = RoleDraft { grantor: None, ..draft() };
    assert_eq!(create(without, STRICT), Err(RoleError::MissingGrantor));
}

#[test]
fn a_rejected_role_needs_no_grantor_but_a_reason_of_its_own() {
    let rejected = RoleDraft { status: Status::Rejected, grantor: None, ..draft() };
    assert_eq!(create(rejected.clone(), STRICT), Err(RoleError::ReasonNotAllowed));
    let reason = because(ReasonCode::ApplicationRejectedNoConsent);
    assert!(create(RoleDraft { reason, ..rejected }, STRICT).is_ok());
}

#[test]
fn role_is_created_as_active_or_rejected_only() {
    for status in [Status::Inactive, Status::EnteredInError, Status::Proposed] {
        for rules in [STRICT, LENIENT] {
            assert_eq!(
                create(RoleDraft { status, ..draft() }, rules),
                Err(RoleError::InvalidTransition),
                "{status:?}"
            );
        }
    }
    let with_applications = Rules { lifecycle: Lifecycle::WithApplications, ..STRICT };
    let reason = because(ReasonCode::ApplicationSubmitted);
    let proposed = RoleDraft { status: Status::Proposed, reason, grantor: None, ..draft() };
    assert!(create(proposed, with_applications).is_ok());
}

#[test]
fn role_of_a_person_for_themselves_is_rejected() {
    let own = RoleDraft { patient: draft().proxy, ..draft() };
    assert_eq!(create(own, STRICT), Err(RoleError::OwnProxy));
}

#[test]
fn an_end_lies_neither_in_the_past_nor_before_the_start() {
    let until =
        |end: &str| RoleDraft { period: RolePeriod { end: Some(at(end)), ..draft().period }, ..draft() };
    assert_eq!(create(until("2026-11-21"), STRICT), Err(RoleError::End(BadEnd::Passed)));
    assert_eq!(create(until("2025-12-31"), STRICT), Err(RoleError::End(BadEnd::BeforeStart)));
    assert!(create(until("2026-11-22"), STRICT).is_ok());
}

#[test]
fn known_code_check_accepts_any_reason() {
    let reason = because(ReasonCode::RoleReactivated);
    assert_eq!(
        create(RoleDraft { reason: reason.clone(), ..draft() }, STRICT),
        Err(RoleError::ReasonNotAllowed)
    );
    assert!(create(RoleDraft { reason, ..draft() }, LENIENT).is_ok());
}
