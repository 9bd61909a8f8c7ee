//! A citizen learns nothing of hidden resources: not by a total, a chain, `_has`, or an include.

use rstest::rstest;
use serde_json::Value;

use super::entries;
use crate::support::{Backend, Request, TestApp};
use crate::vrs::callers::{NURSE, citizen, guarded};
use crate::vrs::known::{CHILD, LONER, MOTHER};

async fn search(app: &TestApp, token: &str, path: &str) -> Value {
    let answer = app.send(Request::new("GET", &format!("/FHIR/R4/{path}")).bearer(token)).await;
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

async fn assert_total(app: &TestApp, token: &str, path: &str, expected: i64) {
    let found = search(app, token, &format!("{path}&_total=accurate&_count=1")).await;
    assert_eq!(found["total"], expected, "{path} of {token}");
    let whole = search(app, token, path).await;
    assert_eq!(
        entries(&whole, "match").len(),
        usize::try_from(expected).expect("a number"),
        "{path} of {token}"
    );
}

// covers S-11, S-16, S-18
#[rstest]
#[actix_web::test]
async fn totals_chains_and_has_exclude_hidden_resources(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let (mother, child, loner) = (citizen(MOTHER), citizen(CHILD), citizen(LONER));
    for (path, [of_nurse, of_mother, of_child, of_loner]) in [
        ("Consent?_sort=_id", [32, 6, 3, 0]),
        ("Consent?patient=9000000009", [3, 1, 3, 0]),
        ("Consent?status:not=active", [12, 4, 0, 0]),
        ("Consent?patient.name=smith", [3, 1, 3, 0]),
        ("Consent?consentor.family=brown", [4, 0, 1, 0]),
        ("Patient?_sort=_id", [48, 3, 4, 1]),
        ("Patient?_has:Consent:patient:consentor=9000000022", [4, 0, 1, 0]),
        ("Patient?_has:Consent:performer:status=active", [9, 1, 3, 0]),
        ("Patient?name=smith", [3, 1, 1, 0]),
        ("RelatedPerson?_sort=_id", [14, 4, 5, 0]),
        ("QuestionnaireResponse?_sort=_id", [1, 0, 0, 0]),
        ("AuditEvent?action=C&_sort=_id", [32, 6, 3, 0]),
        ("Provenance?patient=9000000009", [3, 1, 3, 0]),
    ] {
        for (token, expected) in
            [(NURSE, of_nurse), (&*mother, of_mother), (&*child, of_child), (&*loner, of_loner)]
        {
            assert_total(&app, token, path, expected).await;
        }
    }
}

// covers S-16
#[rstest]
#[actix_web::test]
async fn includes_exclude_hidden_resources(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    let mother = citizen(MOTHER);
    let path = "Patient?_id=9000000009&_revinclude=Consent:patient&_include:iterate=Consent:performer\
        &_revinclude=RelatedPerson:patient&_revinclude=AuditEvent:patient";
    let found = entries(&search(&app, &mother, path).await, "include");
    let of_kind = |kind: &str| found.iter().filter(|name| name.starts_with(kind)).count();
    assert_eq!(of_kind("Consent/"), 1, "{found:?}");
    assert_eq!(of_kind("AuditEvent/"), 1, "{found:?}");
    assert_eq!(of_kind("RelatedPerson/"), 2, "{found:?}");
    let people: Vec<_> = found.iter().filter(|name| name.starts_with("Patient/")).collect();
    assert_eq!(people, ["Patient/9000000017"], "{found:?}");
    let hidden = Request::new("GET", "/FHIR/R4/Patient/9000000022/Consent").bearer(&mother);
    assert_eq!(app.send(hidden).await.status, 404);
}
