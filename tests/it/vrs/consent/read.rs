//! Contract §2.2 #6, §2.3 and §5 #6: `GET /Consent/{id}` answers a searchset of one.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp};
use crate::vrs::consent::search_refusals::include;
use crate::vrs::expected_error::{ExpectedError, expected_error, invalidated};
use crate::vrs::known::{MOTHERS_ROLE, NO_SUCH_ID, consent};
use crate::vrs::validated::validated;

fn bad_id() -> ExpectedError {
    let diagnostics = "Invalid request with error - ID must be a valid UUID.";
    expected_error(422, "INVALID_ID_VALUE", "invalid", "Required parameter(s) are invalid.", diagnostics)
}

const NOT_UUIDS: [&str; 6] = [
    "1",
    "986b2cfea9a7517c84fc05d40298b1b3",
    "986b2cfe-a9a7-517c-84fc-05d40298b1b",
    "986b2cfe-a9a7-517c-84fc-05d40298b1b33",
    "986b2cfe-a9a7-517c-84fc-05d40298b1bg",
    "%7B986b2cfe-a9a7-517c-84fc-05d40298b1b3%7D",
];

#[rstest]
#[actix_web::test]
async fn an_id_must_be_a_uuid(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (strict, sandbox) = (TestApp::strict(backend).await, TestApp::sandbox(backend).await);
    for id in NOT_UUIDS {
        bad_id().check(id, &strict.get(&consent(id)).await);
        bad_id().with_status(400).check(id, &sandbox.get(&consent(id)).await);
    }
}

#[rstest]
#[actix_web::test]
async fn read_reports_the_first_fault_in_contract_order(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let rows = [
        ("no such role", consent(NO_SUCH_ID), invalidated()),
        ("an unknown parameter", format!("{}?status=active", consent(MOTHERS_ROLE)), include()),
        ("an unknown parameter without a value", format!("{}?x", consent(MOTHERS_ROLE)), include()),
        (
            "beside an include",
            format!("{}?_include=Consent:patient&_count=1", consent(MOTHERS_ROLE)),
            include(),
        ),
        ("an unknown include", format!("{}?_include=Consent:grantee", consent(MOTHERS_ROLE)), include()),
        ("unknown parameter before id", format!("{}?status=active", consent("1")), include()),
        ("id before include", format!("{}?_include=Consent:grantee", consent("1")), bad_id()),
        ("include before lookup", format!("{}?_include=Consent:grantee", consent(NO_SUCH_ID)), include()),
    ];
    for (row, path, wanted) in rows {
        wanted.check(row, &app.get(&path).await);
    }
}

fn summary(bundle: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let mut entries: Vec<_> = entries
        .map(|entry| {
            let resource = &entry["resource"];
            let mode = text(&entry["search"]["mode"]);
            format!("{mode} {}/{}", text(&resource["resourceType"]), text(&resource["id"]))
        })
        .collect();
    entries.sort();
    entries
}

#[rstest]
#[actix_web::test]
async fn one_role_is_a_bundle_of_one_with_the_same_includes_as_a_search(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = format!("match Consent/{MOTHERS_ROLE}");
    let proxy = [
        "include Patient/9000000017",
        "include RelatedPerson/7cb6563b-1bc3-58e6-9ced-d3c7fe6b485a",
        "include RelatedPerson/BE974742",
    ];
    let patient = ["include Patient/9000000009"];
    let both = [&patient[..], &proxy].concat();
    let rows: [(&str, &[&str]); 6] = [
        ("", &[]),
        ("?_include=Consent:performer", &proxy),
        ("?_include=Consent:patient", &patient),
        ("?_include=Consent%3Apatient", &patient),
        ("?_include=Consent:performer&_include=Consent:patient", &both),
        ("?_include=Consent:patient&_include=Consent:performer&_include=Consent:patient", &both),
    ];
    for (include, expected) in rows {
        let path = format!("{}{include}", consent(MOTHERS_ROLE));
        let bundle = validated(&app.get(&path).await);
        let expected: Vec<_> = expected.iter().copied().chain([role.as_str()]).collect();
        assert_eq!(summary(&bundle), expected, "{include}");
        let mut head = bundle.clone();
        head.as_object_mut().unwrap().remove("entry");
        let expected = json!({
            "resourceType": "Bundle",
            "type": "searchset",
            "timestamp": "2026-11-22T12:00:00Z",
            "total": 1,
            "link": [{ "relation": "self", "url": format!("{}{path}", app.base()) }],
        });
        assert_eq!(head, expected, "{include}");
    }
}

#[rstest]
#[actix_web::test]
async fn an_id_may_be_in_either_letter_case(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let bundle = validated(&app.get(&consent(&MOTHERS_ROLE.to_uppercase())).await);
    assert_eq!(bundle["entry"][0]["resource"]["id"], MOTHERS_ROLE);
}
