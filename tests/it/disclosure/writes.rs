//! Responses of writes, and who may write for whom.

use domain::account::{Principal, Proofing};
use rstest::rstest;
use serde_json::json;

use super::PATIENT;
use crate::fhir::bodies::{access_request, fhirpath_replace, relationship, role};
use crate::fhir::client::{get, patch, post, put, send, send_well, with_resource};
use crate::fhir::scopes::{acting, citizen, issuing, system};
use crate::support::Backend;
use crate::vrs::callers::{NURSE, SYSTEM, number};
use crate::vrs::known::{LONER, MOTHERS_ROLE, NOBODY, PATIENTS, SON};

// covers SC-02, R-10, R-16, R-20, R-30
#[rstest]
#[actix_web::test]
async fn write_without_scope_r_has_no_response_body(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let held = send_well(&app, get(&path).bearer(SYSTEM), 200).await;
    let end = json!([{ "op": "replace", "path": "/provision/period/end", "value": "2027-05-05" }]);
    for (scope, has_body) in [
        ("system/*.cus", false),
        ("system/*.crus", true),
        ("system/*.cus system/Consent.r?status=rejected system/RelatedPerson.r?active=false", false),
    ] {
        let token = app.token(&system(), scope).await;
        let patients = if has_body { [PATIENTS[0], PATIENTS[1]] } else { [PATIENTS[2], PATIENTS[3]] };
        let mut created = Vec::new();
        if !scope.contains('?') {
            created.push((post("/Consent", &role(LONER, patients[0])), 201));
            created.push((post("/RelatedPerson", &relationship(LONER, patients[0])), 201));
        }
        for (request, status) in created.into_iter().chain([
            (put(&path, &held), 200),
            (patch(&path, &end), 200),
            (patch(&format!("/Consent?_id={MOTHERS_ROLE}"), &end), 200),
            (put(&format!("/Consent?_id={MOTHERS_ROLE}"), &held), 200),
            (post("/Consent", &held).header("If-None-Exist", &format!("_id={MOTHERS_ROLE}")), 200),
        ]) {
            let answer = send(&app, request.bearer(&token)).await;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, status, "{scope}: {text}");
            assert_eq!(!answer.body.is_empty(), has_body, "{scope}: {text}");
            assert!(answer.header("etag").is_some() && answer.header("location").is_some(), "{scope}");
        }
        for kind in ["batch", "transaction"] {
            let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": [{
                "resource": held, "request": { "method": "PUT", "url": format!("Consent/{MOTHERS_ROLE}") },
            }]});
            let answer = send_well(&app, post("", &bundle).bearer(&token), 200).await;
            let entry = &answer["entry"][0];
            assert_eq!(
                (&entry["response"]["status"], entry["resource"].is_object()),
                (&json!("200 OK"), has_body)
            );
        }
    }
}

// covers R-30, SC-09
#[rstest]
#[actix_web::test]
async fn patch_that_reads_values_requires_scope_r(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let (blind, seeing) =
        (app.token(&system(), "system/*.us").await, app.token(&system(), "system/*.rus").await);
    for value in ["active", "inactive"] {
        let test = json!([{ "op": "test", "path": "/status", "value": value }]);
        let chosen = fhirpath_replace(
            &format!("Consent.where(status = '{value}').provision.period.end"),
            "valueDateTime",
            "2027-05-05".into(),
        );
        for request in [
            patch(&path, &test),
            patch(&format!("/Consent?_id={MOTHERS_ROLE}"), &test),
            with_resource("PATCH", &path, &chosen),
        ] {
            assert_eq!(send(&app, request.clone().bearer(&blind)).await.status, 403, "{value}");
            let answer = send(&app, request.bearer(&seeing)).await;
            assert_ne!(answer.status, 403, "{value}");
            assert_eq!(answer.status == 200, value == "active", "{value}");
        }
    }
}

// covers G-16
#[rstest]
#[actix_web::test]
async fn an_access_request_is_submitted_by_its_applicant(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let unproved = Principal::Citizen { nhs_number: number(LONER), proofing: Proofing::P5 };
    let unproved = app.token(&unproved, "user/*.cruds").await;
    let proxy = app.token(&acting(), "patient/*.cruds user/*.cruds").await;
    let own = app.token(&citizen(LONER), "user/*.cruds").await;
    let before = app.count_rows("access_requests");
    for token in [SYSTEM, NURSE, &unproved, &proxy] {
        let request = post("/QuestionnaireResponse", &access_request(LONER, SON)).bearer(token);
        assert_eq!(send(&app, request).await.status, 403);
    }
    assert_eq!(app.count_rows("access_requests"), before);
    send_well(&app, post("/QuestionnaireResponse", &access_request(LONER, SON)).bearer(&own), 201).await;
}

// covers SC-06, SC-09
#[rstest]
#[actix_web::test]
async fn compartment_search_without_patient_scope_reveals_no_patient(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    PATIENT.register(&app, "restricted", true);
    let without = app.token(&system(), "system/Consent.rs system/AuditEvent.rs").await;
    let with = app.token(&system(), "system/Consent.rs system/AuditEvent.rs system/Patient.r").await;
    for member in ["Consent", "RelatedPerson", "QuestionnaireResponse", "Provenance", "AuditEvent", "*"] {
        let mut answers = Vec::new();
        for number in [PATIENT.number, NOBODY[0], LONER] {
            let answer = send(&app, get(&format!("/Patient/{number}/{member}")).bearer(&without)).await;
            let text = String::from_utf8_lossy(&answer.body).replace(number, "X");
            let text = text.split("\"lastUpdated\"").next().unwrap_or_default().to_owned();
            answers.push((answer.status, text));
            let known = send(&app, get(&format!("/Patient/{number}/{member}")).bearer(&with)).await;
            let may = matches!(member, "Consent" | "AuditEvent" | "*");
            let status = if number == LONER { 200 } else { 404 };
            assert_eq!(known.status, if may { status } else { 403 }, "{member} of {number}");
        }
        let is_of_audit = matches!(member, "AuditEvent" | "*");
        assert_eq!(answers[0], answers[1], "{member}");
        assert_eq!(answers[1].0, answers[2].0, "{member}");
        assert!(is_of_audit || answers[1] == answers[2], "{member}");
    }
}
