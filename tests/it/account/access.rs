//! The access modes of contract §1.1 with the decisions of §9, and what citizens may do with roles.

use domain::account::{Proofing, Who};
use domain::person::{NhsNumber, NumberCheck};
use domain::proxy::{Change, EndChange, LegalBasis, OdsCode, ReasonCode, Role, Status, StatusReason};
use service::access::{Action, Refusal};
use service::access::{decide_change, decide_kind, decide_parties};
use service::admission::admit;
use service::admission::{Denied, PresentedCredentials};
use service::policy::{AccessPolicy, Token};
use sha2::{Digest as _, Sha256};

use crate::proxy::role_create::{STRICT, create, draft, number};

fn citizen(text: &str) -> Who {
    let nhs_number = NhsNumber::parse(text, NumberCheck::Modulus11).unwrap();
    Who::Citizen { nhs_number, proofing: Proofing::P9 }
}

fn staff() -> Who {
    Who::Staff { name: "staff".to_owned(), organisation: None }
}

fn system() -> Who {
    Who::System { name: "system".to_owned() }
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
        for (who, may) in [citizen("9000000009"), staff(), system()].iter().zip(modes) {
            assert_eq!(decide_kind(who, action).is_ok(), may, "{} {action:?}", who.kind());
        }
        assert_eq!(decide_kind(&Who::Anyone, action), Ok(()));
    }
}

#[test]
fn citizen_is_authorized_only_for_data_that_names_them() {
    let parties = [number("9000000017"), number("9000000009")];
    assert_eq!(decide_parties(&citizen("9000000017"), &parties), Ok(()));
    assert_eq!(decide_parties(&citizen("9000000009"), &parties), Ok(()));
    assert_eq!(decide_parties(&citizen("9000000025"), &parties), Err(Refusal));
    for who in [staff(), system(), Who::Anyone, Who::Service] {
        assert_eq!(decide_parties(&who, &parties), Ok(()));
    }
}

fn ending(reason: ReasonCode) -> Change {
    let reason = StatusReason::new(reason, Some("words".to_owned())).unwrap();
    Change { status: Some(Status::Inactive), reason: Some(reason), ..Change::default() }
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
        assert_eq!(decide_change(&citizen("9000000025"), &role(), &ending(reason)), Err(Refusal));
    }
}

#[test]
fn patient_and_proxy_may_only_end_a_role() {
    let party = citizen("9000000009");
    let end = ending(ReasonCode::RoleDeactivatedPatientRequest);
    let others = [
        Change::default(),
        Change { status: Some(Status::Active), ..end.clone() },
        Change { end: Some(EndChange::Clear), ..end.clone() },
        Change { legal_basis: Some(LegalBasis::Consent), ..end.clone() },
        Change { grantor: Some(OdsCode::parse("A20047").unwrap()), ..end.clone() },
        Change { end: Some(EndChange::Clear), ..Change::default() },
    ];
    for change in others {
        assert_eq!(decide_change(&party, &role(), &change), Err(Refusal), "{change:?}");
    }
    let ended = Role { status: Status::Inactive, ..role() };
    assert_eq!(decide_change(&party, &ended, &end), Err(Refusal));
}

#[test]
fn bearer_token_is_matched_by_its_sha256() {
    let token = Token { digest: Sha256::digest(b"the token").into(), who: system() };
    let policy = AccessPolicy::Tokens(vec![token]);
    assert_eq!(policy.find_who("the token"), Some(system()));
    for wrong in ["", "the token ", "THE TOKEN"] {
        assert_eq!(policy.find_who(wrong), None, "{wrong:?}");
    }
    assert!(!format!("{policy:?}").contains("digest"));
}

#[test]
fn request_without_a_token_is_401_except_in_the_sandbox() {
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let shown = |authorization| PresentedCredentials {
        authorization,
        dpop: None,
        method: "GET",
        url: "https://x/y",
        query: "",
    };
    let token = Token { digest: Sha256::digest(b"the token").into(), who: system() };
    let policy = AccessPolicy::Tokens(vec![token]);
    let who = |policy: &AccessPolicy, authorization| {
        admit(policy, None, &shown(authorization), now).map(|caller| caller.who)
    };
    assert_eq!(who(&policy, Some("bearer the token")), Ok(system()));
    for (wrong, denied) in [
        (None, Denied::NoToken),
        (Some("Basic dGhlIHRva2Vu"), Denied::NoToken),
        (Some("Bearer another"), Denied::Unknown),
        (Some("DPoP the token"), Denied::Unknown),
    ] {
        assert_eq!(who(&policy, wrong), Err(denied), "{wrong:?}");
    }
    assert_eq!(who(&AccessPolicy::Open, None), Ok(Who::Anyone));
}
