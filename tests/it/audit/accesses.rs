//! Every protected operation of both APIs writes exactly one audit record, with both people, and so does a
//! refusal.

use rstest::rstest;
use serde_json::{Value, json};

use super::{ACTING, Trail, guarded};
use crate::fhir::bodies::role;
use crate::fhir::client;
use crate::support::{Backend, REQUEST_ID, Request, bodies};
use crate::vrs::callers::{NURSE, SYSTEM, citizen};
use crate::vrs::known::{
    ACCESS_REQUEST, ACTIVE, CHILD, ENDING, LONER, MOTHER, MOTHERS_ROLE, NO_SUCH_ID, PATIENTS, PROXY, SON,
};
use crate::vrs::operations::{end, get, patch, post};

/// A request, its token, its status, and its record: act and outcome, subject, patient and proxy.
type Row = (Request, String, u16, &'static str, String, (&'static str, &'static str));

fn of_the_contract() -> Vec<Row> {
    let (mother, nurse, system) = (citizen(MOTHER), NURSE.to_owned(), SYSTEM.to_owned());
    let consent = |id: &str| format!("Consent/{id}");
    let read = |id: &str| get(&format!("/Consent/{id}"));
    let pair = (CHILD, MOTHER);
    vec![
        (read(MOTHERS_ROLE), nurse.clone(), 200, "read 0", consent(MOTHERS_ROLE), pair),
        (read(MOTHERS_ROLE), ACTING.to_owned(), 200, "read 0", consent(MOTHERS_ROLE), pair),
        (read(NO_SUCH_ID), nurse.clone(), 404, "read 4 INVALIDATED_RESOURCE", consent(NO_SUCH_ID), ("", "")),
        // A citizen who requests a role of others does not learn from their own record whose it is.
        (read(ACTIVE), mother.clone(), 404, "read 4 INVALIDATED_RESOURCE", consent(ACTIVE), (MOTHER, "")),
        (
            get(&format!("/Consent?performer:identifier={LONER}")),
            mother.clone(),
            403,
            "search-type 4 FORBIDDEN",
            "Consent".to_owned(),
            (MOTHER, ""),
        ),
        (
            get(&format!("/QuestionnaireResponse/{ACCESS_REQUEST}")),
            system.clone(),
            200,
            "read 0",
            format!("QuestionnaireResponse/{ACCESS_REQUEST}"),
            ("9000000006", "9000000005"),
        ),
        (
            get(&format!("/RelatedPerson?identifier={MOTHER}")),
            system.clone(),
            403,
            "search-type 4 FORBIDDEN",
            "RelatedPerson".to_owned(),
            ("", ""),
        ),
        (
            post("/Consent", &bodies::consent(LONER, PATIENTS[0])),
            mother,
            403,
            "create 4 FORBIDDEN",
            "Consent".to_owned(),
            (MOTHER, ""),
        ),
        (
            patch(&format!("/Consent/{MOTHERS_ROLE}"), &end()),
            ACTING.to_owned(),
            200,
            "role-changed 0",
            consent(MOTHERS_ROLE),
            pair,
        ),
        (
            patch(&format!("/Consent/{MOTHERS_ROLE}"), &end()),
            nurse,
            422,
            "patch 4 INVALID_STATE_TRANSITION",
            consent(MOTHERS_ROLE),
            pair,
        ),
        (
            patch(&format!("/Consent/{ENDING}"), &end()),
            system,
            200,
            "role-changed 0",
            consent(ENDING),
            (PATIENTS[2], PROXY),
        ),
    ]
}

fn of_r4() -> Vec<Row> {
    let (mother, nurse) = (citizen(MOTHER), NURSE.to_owned());
    let read = format!("/Consent/{MOTHERS_ROLE}");
    let subject = format!("Consent/{MOTHERS_ROLE}");
    let of = |path: &str| client::get(path);
    let pair = (CHILD, MOTHER);
    let wrong = json!([{ "op": "replace", "path": "/status", "value": "rejected" }]);
    vec![
        (of(&read), nurse.clone(), 200, "read 0", subject.clone(), pair),
        (client::request("HEAD", &read), nurse.clone(), 200, "read 0", subject.clone(), pair),
        (of(&format!("{read}/_history/1")), ACTING.to_owned(), 200, "vread 0", subject.clone(), pair),
        (of(&format!("{read}/_history")), mother.clone(), 200, "history-instance 0", subject.clone(), pair),
        (of(&format!("{read}/$validate")), nurse.clone(), 200, "operation 0", subject.clone(), pair),
        (
            of(&format!("/Consent/{ACTIVE}")),
            mother.clone(),
            404,
            "read 4 not-found",
            format!("Consent/{ACTIVE}"),
            (MOTHER, ""),
        ),
        // The role between them has ended above.
        (of(&format!("/Patient/{CHILD}")), mother, 404, "read 4 not-found", format!("Patient/{CHILD}"), pair),
        (
            of(&format!("/Patient/{CHILD}")),
            ACTING.to_owned(),
            200,
            "read 0",
            format!("Patient/{CHILD}"),
            pair,
        ),
        (client::patch(&read, &wrong), nurse.clone(), 422, "patch 4 business-rule", subject.clone(), pair),
        (
            client::post("/Consent", &role(LONER, PATIENTS[0])),
            ACTING.to_owned(),
            403,
            "create 4 forbidden",
            "Consent".to_owned(),
            pair,
        ),
        (
            client::request("POST", "/Consent").header("Content-Type", "application/fhir+json").body("{"),
            nurse.clone(),
            400,
            "create 4 structure",
            "Consent".to_owned(),
            ("", ""),
        ),
        (of("/Consent?status=active&_count=0"), nurse, 200, "search-type 0", "Consent".to_owned(), ("", "")),
    ]
}

#[rstest]
#[actix_web::test]
async fn every_operation_writes_one_audit_record_with_both_people(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut trail = Trail::of(&app);
    for (request, token, status, text, subject, people) in of_the_contract().into_iter().chain(of_r4()) {
        let row = format!("{text} of {subject} by {token}");
        let answer = app.send(request.header("X-Request-ID", REQUEST_ID).bearer(&token)).await;
        assert_eq!(answer.status, status, "{row}: {}", String::from_utf8_lossy(&answer.body));
        let record = trail.one(&row);
        assert_eq!(
            (record.summary().as_str(), record.subject.as_deref(), record.people()),
            (text, Some(subject.as_str()), people),
            "{row}"
        );
        let (kind, id, organisation) = match token.as_str() {
            NURSE => ("staff", "nurse", Some("A20047")),
            SYSTEM => ("system", "record system", None),
            ACTING => ("proxy", MOTHER, None),
            _ => ("citizen", MOTHER, None),
        };
        let principal =
            (record.caller_kind.as_str(), record.caller_id.as_deref(), record.organisation.as_deref());
        assert_eq!(principal, (kind, Some(id), organisation), "{row}");
        assert_eq!(record.request_id.as_deref(), Some(REQUEST_ID), "{row}");
    }
}

#[rstest]
#[actix_web::test]
async fn search_writes_one_audit_record_per_disclosed_pair(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut trail = Trail::of(&app);
    let query = format!("performer:identifier={MOTHER}");
    for (row, search) in [
        ("contract", get(&format!("/Consent?{query}&_include=Consent:patient"))),
        ("R4", client::get(&format!("/Consent?consentor={MOTHER}&_include=Consent:patient"))),
    ] {
        let answer = app.send(search.bearer(NURSE)).await;
        assert_eq!(answer.status, 200, "{row}");
        let roles = answer.json()["entry"]
            .as_array()
            .expect("entries")
            .iter()
            .fold(0, |sum, entry| sum + usize::from(entry["resource"]["resourceType"] == "Consent"));
        let records = trail.grown();
        assert_eq!((records.len(), roles), (6, 6), "{row}: {records:#?}");
        assert!(
            records.iter().all(|record| record.people().1 == MOTHER && record.summary() == "search-type 0")
        );
        let mut patients: Vec<_> = records.iter().map(|record| record.people().0).collect();
        patients.sort_unstable();
        patients.dedup();
        assert_eq!(patients.len(), 6, "{row}");
        assert!(
            records.iter().all(|record| record.query.as_deref().is_some_and(|query| query.contains(MOTHER)))
        );
    }
}

fn bundle(kind: &str, entries: &[Value]) -> Request {
    client::post("", &json!({ "resourceType": "Bundle", "type": kind, "entry": entries }))
}

#[rstest]
#[actix_web::test]
async fn each_bundle_entry_has_its_own_audit_record(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut trail = Trail::of(&app);
    let read = |id: &str| json!({ "request": { "method": "GET", "url": format!("Consent/{id}") } });
    let create = |proxy: &str, patient: &str| json!({ "resource": role(proxy, patient), "request": { "method": "POST", "url": "Consent" } });
    for (kind, entries, status, expected) in [
        (
            "batch",
            vec![read(MOTHERS_ROLE), read(NO_SUCH_ID), create(LONER, SON)],
            200,
            vec!["read 0", "read 4 not-found", "role-created 0"],
        ),
        (
            "transaction",
            vec![read(MOTHERS_ROLE), create(LONER, PATIENTS[0])],
            200,
            vec!["read 0", "role-created 0"],
        ),
        // It is refused as a whole.
        (
            "transaction",
            vec![read(MOTHERS_ROLE), create(LONER, PATIENTS[0])],
            409,
            vec!["create 4 duplicate", "read 4 duplicate"],
        ),
    ] {
        let answer = app.send(bundle(kind, &entries).bearer(NURSE)).await;
        assert_eq!(answer.status, status, "{kind}: {}", String::from_utf8_lossy(&answer.body));
        let records = trail.grown();
        let mut text: Vec<_> = records.iter().map(super::Record::summary).collect();
        text.sort();
        assert_eq!(text, expected, "{kind}: {records:#?}");
    }
}

#[rstest]
#[actix_web::test]
async fn write_without_a_change_is_audited_as_an_access(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut trail = Trail::of(&app);
    let same = json!([{ "op": "replace", "path": "/status", "value": "active" }]);
    let answer = app.send(client::patch(&format!("/Consent/{MOTHERS_ROLE}"), &same).bearer(NURSE)).await;
    assert_eq!(answer.status, 200);
    let record = trail.one("R4");
    assert_eq!((record.summary().as_str(), record.people()), ("patch 0", (CHILD, MOTHER)));
}

#[rstest]
#[actix_web::test]
async fn request_without_a_valid_token_writes_no_audit_record(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut trail = Trail::of(&app);
    let path = format!("/Consent/{MOTHERS_ROLE}");
    for request in
        [get(&path), client::get(&path), get(&path).bearer("wrong"), client::get(&path).bearer("wrong")]
    {
        assert_eq!(app.send(request).await.status, 401);
    }
    for open in [client::get("/metadata"), client::get("/Nonsense").bearer(NURSE)] {
        app.send(open).await;
    }
    assert_eq!(trail.grown(), Vec::new());
}

#[rstest]
#[actix_web::test]
async fn audit_record_is_written_for_any_client_input(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let mut trail = Trail::of(&app);
    let long = "x".repeat(7000);
    for path in
        ["/Consent?patient=a%00b".to_owned(), format!("/Consent?patient={long}"), "/Patient/a-b".to_owned()]
    {
        let answer = app.send(client::get(&path).bearer(NURSE)).await;
        assert!(answer.status < 500, "{path}");
        let record = trail.one(&path);
        assert!(record.query.is_none_or(|query| query.len() < 4100 && !query.contains('\0')));
    }
}
