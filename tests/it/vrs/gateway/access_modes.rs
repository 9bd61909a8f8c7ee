//! Contract §1.1 and §1.2: who may call which operation, and whose data a patient reaches.

use rstest::rstest;
use serde_json::json;

use crate::support::{Backend, Request, bodies};
use crate::vrs::callers::{NURSE, SYSTEM, citizen, guarded};
use crate::vrs::expected_error::{access_denied, forbidden};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{
    ACCESS_REQUEST, ACTIVE, CHILD, ENDING, INACTIVE, LONER, MORE_ACTIVE, MOTHER, MOTHERS_ROLE, PATIENTS,
    PROXY, SON, consent,
};
use crate::vrs::operations::{all, end, end_on, get, patch, post};

type Row = (&'static str, String, Request, u16);

fn may() -> Vec<Row> {
    let (mother, nurse, system) = (citizen(MOTHER), NURSE.to_owned(), SYSTEM.to_owned());
    let apply = || post("/QuestionnaireResponse", &bodies::access_request(MOTHER, SON));
    let request = || get(&format!("/QuestionnaireResponse/{ACCESS_REQUEST}"));
    let related = || get(&format!("/RelatedPerson?identifier={MOTHER}"));
    let roles = || get(&format!("/Consent?performer:identifier={MOTHER}"));
    let role = || get(&consent(MOTHERS_ROLE));
    let create = |patient| post("/Consent", &bodies::consent(LONER, patient));
    let change = |id| patch(&consent(id), &end());
    vec![
        ("#1 P", mother.clone(), apply(), 200),
        ("#1 H", nurse.clone(), apply(), 403),
        ("#1 A", system.clone(), apply(), 403),
        ("#2 H", nurse.clone(), request(), 200),
        ("#2 A", system.clone(), request(), 200),
        ("#3 P", mother.clone(), related(), 200),
        ("#3 H", nurse.clone(), related(), 200),
        ("#3 A", system.clone(), related(), 403),
        ("#4 P", mother.clone(), roles(), 200),
        ("#4 H", nurse.clone(), roles(), 200),
        ("#4 A", system.clone(), roles(), 200),
        ("#5 P", mother.clone(), create(PATIENTS[0]), 403),
        ("#5 H", nurse.clone(), create(PATIENTS[1]), 201),
        ("#5 A", system.clone(), create(PATIENTS[2]), 201),
        ("#6 P", mother.clone(), role(), 200),
        ("#6 H", nurse.clone(), role(), 200),
        ("#6 A", system.clone(), role(), 200),
        ("#7 P", mother, change(MOTHERS_ROLE), 200),
        ("#7 H", nurse, change(ACTIVE), 200),
        ("#7 A", system, change(ENDING), 200),
    ]
}

#[rstest]
#[actix_web::test]
async fn every_operation_accepts_the_access_modes_of_the_contract(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut footprint = Footprint::of(&app);
    for (row, token, request, status) in may() {
        let answer = app.send(request.bearer(&token)).await;
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{row}: {body}");
        if status == 403 {
            forbidden().check(row, &answer);
            footprint.check_untouched(row);
        }
        footprint.grown();
    }
}

#[rstest]
#[actix_web::test]
async fn a_patient_reads_the_access_request_that_they_are_a_party_to(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let apply = post("/QuestionnaireResponse", &bodies::access_request(MOTHER, CHILD_TO_BE));
    let sent = app.send(apply.bearer(&citizen(MOTHER))).await;
    assert_eq!(sent.status, 200, "{}", String::from_utf8_lossy(&sent.body));
    let place = sent.header("Location").unwrap();
    let path = place.strip_prefix(&app.base()).unwrap();
    for (row, token, status) in [
        ("the applicant", citizen(MOTHER), 200),
        ("the patient", citizen(CHILD_TO_BE), 200),
        ("a stranger", citizen(PROXY), 404),
    ] {
        let answer = app.send(get(path).bearer(&token)).await;
        assert_eq!(answer.status, status, "{row}");
    }
}

const CHILD_TO_BE: &str = LONER;

fn only_own() -> Vec<(&'static str, &'static str, Request, u16)> {
    let search = |query: &str| get(&format!("/Consent?{query}"));
    let related = |query: &str| get(&format!("/RelatedPerson?{query}"));
    let apply = |proxy, patient| post("/QuestionnaireResponse", &bodies::access_request(proxy, patient));
    let mut nominate = bodies::access_request(LONER, MOTHER);
    nominate["source"] =
        json!({ "type": "Patient", "identifier": { "system": bodies::NHS, "value": MOTHER } });
    vec![
        ("her own roles", MOTHER, search(&format!("performer:identifier={MOTHER}")), 200),
        ("the roles for her", MOTHER, search(&format!("patient:identifier={MOTHER}")), 200),
        (
            "her roles for one patient",
            MOTHER,
            search(&format!("performer:identifier={MOTHER}&patient:identifier={CHILD}")),
            200,
        ),
        ("another's roles", MOTHER, search(&format!("performer:identifier={PROXY}")), 403),
        ("the roles for another", MOTHER, search(&format!("patient:identifier={CHILD}")), 403),
        (
            "the role of two others",
            LONER,
            search(&format!("performer:identifier={MOTHER}&patient:identifier={CHILD}")),
            403,
        ),
        ("her own relationships", MOTHER, related(&format!("identifier={MOTHER}")), 200),
        ("relationships to her", MOTHER, related(&format!("patient:identifier={MOTHER}")), 200),
        ("another's relationships", MOTHER, related(&format!("identifier={CHILD}")), 403),
        ("relationships to another", MOTHER, related(&format!("patient:identifier={SON}")), 403),
        ("a role as its patient", CHILD, get(&consent(MOTHERS_ROLE)), 200),
        ("a role of two others", LONER, get(&consent(MOTHERS_ROLE)), 404),
        ("a change to a role of two others", LONER, patch(&consent(MOTHERS_ROLE), &end()), 404),
        ("an access request of another", LONER, apply(MOTHER, SON), 403),
        ("an access request by the patient as if by the proxy", LONER, apply(MOTHER, LONER), 403),
        ("a nomination by another", LONER, post("/QuestionnaireResponse", &nominate), 403),
        ("a nomination by the patient", MOTHER, post("/QuestionnaireResponse", &nominate), 200),
    ]
}

#[rstest]
#[actix_web::test]
async fn patient_reads_only_data_that_names_them(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut footprint = Footprint::of(&app);
    for (row, principal, request, status) in only_own() {
        let answer = app.send(request.bearer(&citizen(principal))).await;
        assert_eq!(answer.status, status, "{row}: {}", String::from_utf8_lossy(&answer.body));
        if status == 403 {
            forbidden().check(row, &answer);
            footprint.check_untouched(row);
        }
        footprint.grown();
    }
}

/// §6.4: P may only go from active to inactive, for the two reasons of a patient or proxy.
#[rstest]
#[actix_web::test]
async fn patient_may_only_end_a_role(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    let reason = bodies::reason;
    let inactive = |code| bodies::move_to("inactive", &[reason(code)]);
    let back = bodies::move_to("active", &[reason("ROLE_REACTIVATED"), bodies::grantor("A20047")]);
    let mut with_end = end();
    with_end.as_array_mut().unwrap().push(end_on("2027-01-01")[0].clone());
    let basis = json!([{ "op": "replace", "path": "/policyRule", "value": {
        "coding": [{ "system": bodies::BASIS_SYSTEM, "code": "consent" }] } }]);
    let rejected = bodies::move_to("rejected", &[reason("APPLICATION_REJECTED_NO_CONSENT")]);
    let grantor = json!([{ "op": "add", "path": "/extension/-", "value": [bodies::grantor("B20047")] }]);
    let rows = [
        ("an end date", ACTIVE, end_on("2027-01-01"), 403),
        ("the legal basis", ACTIVE, basis, 403),
        ("the grantor", ACTIVE, grantor, 403),
        ("an end and an end date", ACTIVE, with_end, 403),
        ("re-activation", INACTIVE, back, 403),
        ("rejection", INACTIVE, rejected, 403),
        ("safeguarding", ACTIVE, inactive("ROLE_DEACTIVATED_SAFEGUARDING"), 403),
        ("suspension", ACTIVE, inactive("ROLE_SUSPENDED_PENDING_REVIEW"), 403),
        ("at the patient's request", ACTIVE, inactive("ROLE_DEACTIVATED_PATIENT_REQUEST"), 200),
        ("no longer in use", MORE_ACTIVE[0], inactive("ROLE_DEACTIVATED_INACTIVE_ROLE"), 200),
    ];
    let mut footprint = Footprint::of(&app);
    for (row, role, body, status) in rows {
        let answer = app.send(patch(&consent(role), &body).bearer(&citizen(PROXY))).await;
        assert_eq!(answer.status, status, "{row}: {}", String::from_utf8_lossy(&answer.body));
        if status == 403 {
            forbidden().check(row, &answer);
            footprint.check_untouched(row);
        }
        footprint.grown();
    }
}

#[rstest]
#[actix_web::test]
async fn missing_or_unknown_bearer_token_is_401(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut footprint = Footprint::of(&app);
    let tokens = [None, Some("Bearer nobody"), Some("Bearer "), Some("Bearer"), Some("token-of-a-nurse")];
    let more =
        [Some("Basic token-of-a-nurse"), Some("Bearer token-of-a-nurse x"), Some("Bearer TOKEN-OF-A-NURSE")];
    for (operation, request) in all(ACCESS_REQUEST) {
        for shown in tokens.into_iter().chain(more) {
            let request = match shown {
                Some(value) => request.clone().header("Authorization", value),
                None => request.clone(),
            };
            access_denied().check(&format!("{operation} with {shown:?}"), &app.send(request).await);
        }
    }
    footprint.check_untouched("all of them");
}
