//! The access modes of contract §1.1 with the decisions of §9, and what citizens may do with roles.

use domain::account::{Principal, Proofing};
use domain::person::{NhsNumber, NumberCheck};
use domain::proxy::{EndChange, LegalBasis, OdsCode, ReasonCode, Role, RoleChange, Status, StatusReason};
use service::access::{AccessDenied, Action};
use service::access::{decide_change, decide_kind, decide_parties};
use service::authentication::authenticate;
use service::authentication::{AuthenticationError, PresentedCredentials};
use service::policy::{AccessPolicy, BearerToken};
use sha2::{Digest as _, Sha256};

use crate::proxy::role_create::{STRICT, create, draft, number};

fn citizen(text: &str) -> Principal {
    let nhs_number = NhsNumber::parse(text, NumberCheck::Modulus11).unwrap();
    Principal::Citizen { nhs_number, proofing: Proofing::P9 }
}

fn staff() -> Principal {
    Principal::Staff { name: "staff".to_owned(), organisation: None }
}

fn system() -> Principal {
    Principal::System { name: "system".to_owned() }
}

#[test]
fn each_caller_kind_is_authorized_by_its_access_mode() {
    let allowed: [(Action, [bool; 3]); 9] = [
        (Action::SubmitAccessRequest, [true, false, false]),
        (Action::ReadAccessRequest, [true, true, true]),
        (Action::SearchRelationships, [true, true, false]),
        (Action::SearchRoles, [true, true, true]),
        (Action::CreateRole, [false, true, true]),
        (Action::ReadRole, [true, true, true]),
        (Action::ChangeRole, [true, true, true]),
        (Action::ReadRecords, [true, true, true]),
        (Action::WriteRecords, [false, true, true]),
    ];
    assert_eq!(allowed.map(|(action, _)| action), Action::ALL);
    for (action, modes) in allowed {
        for (principal, may) in [citizen("9000000009"), staff(), system()].iter().zip(modes) {
            assert_eq!(decide_kind(principal, action).is_ok(), may, "{} {action:?}", principal.kind());
        }
        assert_eq!(decide_kind(&Principal::Anyone, action), Ok(()));
    }
}

#[test]
fn citizen_is_authorized_only_for_data_that_names_them() {
    let parties = [number("9000000017"), number("9000000009")];
    assert_eq!(decide_parties(&citizen("9000000017"), &parties), Ok(()));
    assert_eq!(decide_parties(&citizen("9000000009"), &parties), Ok(()));
    assert_eq!(decide_parties(&citizen("9000000025"), &parties), Err(AccessDenied));
    for principal in [staff(), system(), Principal::Anyone, Principal::Service] {
        assert_eq!(decide_parties(&principal, &parties), Ok(()));
    }
}

fn ending(reason: ReasonCode) -> RoleChange {
    let reason = StatusReason::new(reason, Some("words".to_owned())).unwrap();
    RoleChange { status: Some(Status::Inactive), reason: Some(reason), ..RoleChange::default() }
}

fn role() -> Role {
    create(draft(), STRICT).unwrap()
}

#[test]
fn patient_and_proxy_may_end_a_role_for_two_reasons_only() {
    for reason in ReasonCode::all() {
        let theirs = [ReasonCode::RoleDeactivatedPatientRequest, ReasonCode::RoleDeactivatedInactiveRole];
        for party in [citizen("9000000017"), citizen("9000000009")] {
            let decision = decide_change(&party, &role(), &ending(reason));
            assert_eq!(decision.is_ok(), theirs.contains(&reason), "{}", reason.code());
        }
        assert_eq!(decide_change(&staff(), &role(), &ending(reason)), Ok(()));
        assert_eq!(decide_change(&citizen("9000000025"), &role(), &ending(reason)), Err(AccessDenied));
    }
}

#[test]
fn patient_and_proxy_may_only_end_a_role() {
    let party = citizen("9000000009");
    let end = ending(ReasonCode::RoleDeactivatedPatientRequest);
    let others = [
        RoleChange::default(),
        RoleChange { status: Some(Status::Active), ..end.clone() },
        RoleChange { end: Some(EndChange::Clear), ..end.clone() },
        RoleChange { legal_basis: Some(LegalBasis::Consent), ..end.clone() },
        RoleChange { grantor: Some(OdsCode::parse("A20047").unwrap()), ..end.clone() },
        RoleChange { end: Some(EndChange::Clear), ..RoleChange::default() },
    ];
    for change in others {
        assert_eq!(decide_change(&party, &role(), &change), Err(AccessDenied), "{change:?}");
    }
    let ended = Role { status: Status::Inactive, ..role() };
    assert_eq!(decide_change(&party, &ended, &end), Err(AccessDenied));
}

#[test]
fn bearer_token_is_matched_by_its_sha256() {
    let token = BearerToken { digest: Sha256::digest(b"the token").into(), principal: system() };
    let policy = AccessPolicy::Tokens(vec![token]);
    assert_eq!(policy.find_principal("the token"), Some(system()));
    for wrong in ["", "the token ", "THE TOKEN"] {
        assert_eq!(policy.find_principal(wrong), None, "{wrong:?}");
    }
    assert!(!format!("{policy:?}").contains("digest"));
}

#[test]
fn request_without_a_token_is_401_except_in_the_sandbox() {
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let presented = |authorization| PresentedCredentials {
        authorization,
        dpop: None,
        method: "GET",
        url: "https://x/y",
        query: "",
    };
    let token = BearerToken { digest: Sha256::digest(b"the token").into(), principal: system() };
    let policy = AccessPolicy::Tokens(vec![token]);
    let principal = |policy: &AccessPolicy, authorization| {
        authenticate(policy, None, &presented(authorization), now).map(|caller| caller.principal)
    };
    assert_eq!(principal(&policy, Some("bearer the token")), Ok(system()));
    for (wrong, denied) in [
        (None, AuthenticationError::NoToken),
        (Some("Basic dGhlIHRva2Vu"), AuthenticationError::NoToken),
        (Some("Bearer another"), AuthenticationError::Unknown),
        (Some("DPoP the token"), AuthenticationError::Unknown),
    ] {
        assert_eq!(principal(&policy, wrong), Err(denied), "{wrong:?}");
    }
    assert_eq!(principal(&AccessPolicy::Open, None), Ok(Principal::Anyone));
}
