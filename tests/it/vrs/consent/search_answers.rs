//! Contract §3, §4.4 and §5 #4: what `GET /Consent` finds, filters, and includes.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::known::{CHILD, LONER, MOTHER, MOTHERS_ROLE, NO_PRACTICE, PROXY, SON};
use crate::vrs::validated::validated;

const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";

/// The last digits of the patients' numbers of the roles that matched.
fn patients(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let mut patients: Vec<_> = entries
        .filter(|entry| entry["search"]["mode"] == "match")
        .map(|entry| {
            entry["resource"]["patient"]["identifier"]["value"].as_str().unwrap_or_default()[8..].into()
        })
        .collect();
    patients.sort();
    patients
}

/// `Type/id` of what was included, in order.
fn included(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let mut included: Vec<_> = entries
        .filter(|entry| entry["search"]["mode"] == "include")
        .map(|entry| {
            let resource = &entry["resource"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{}/{}", text(&resource["resourceType"]), text(&resource["id"]))
        })
        .collect();
    included.sort();
    included
}

#[rstest]
#[actix_web::test]
async fn identifiers_may_be_written_in_every_way_of_the_contract(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let of_mother = ["05", "06", "07", "09", "20", "21"];
    let rows: Vec<(String, &[&str])> = vec![
        (format!("performer:identifier={MOTHER}"), &of_mother),
        (format!("performer%3Aidentifier={MOTHER}"), &of_mother),
        (format!("performer%3aidentifier={MOTHER}"), &of_mother),
        (format!("performer:identifier={NHS}|{MOTHER}"), &of_mother),
        (format!("performer:identifier={NHS}%7C{MOTHER}"), &of_mother),
        (format!("performer:identifier={NHS}%7c{MOTHER}"), &of_mother),
        (
            format!("performer%3Aidentifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C{MOTHER}"),
            &of_mother,
        ),
        (format!("patient:identifier={CHILD}"), &["09", "09", "09"]),
        (format!("patient%3Aidentifier={NHS}|{CHILD}"), &["09", "09", "09"]),
        (format!("performer:identifier={MOTHER}&patient:identifier={CHILD}"), &["09"]),
        (format!("patient:identifier={NHS}|{CHILD}&performer:identifier={MOTHER}"), &["09"]),
        (format!("performer:identifier={CHILD}&patient:identifier={MOTHER}"), &[]),
        (format!("performer:identifier={LONER}"), &[]),
        (format!("patient:identifier={SON}"), &[]),
    ];
    for (query, expected) in rows {
        let bundle = validated(&app.get(&format!("/Consent?{query}")).await);
        assert_eq!(patients(&bundle), expected, "{query}");
        assert_eq!(bundle["total"], expected.len(), "{query}");
    }
}

#[rstest]
#[actix_web::test]
async fn status_comma_is_or_and_repetition_is_and(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let rows: [(&str, &[&str]); 15] = [
        ("", &["05", "06", "07", "09", "20", "21"]),
        ("&status=active", &["05", "09"]),
        ("&status=inactive", &["06", "07"]),
        ("&status=proposed", &["20", "21"]),
        ("&status=rejected", &[]),
        ("&status=entered-in-error", &[]),
        ("&status=active,inactive", &["05", "06", "07", "09"]),
        ("&status=active%2Cinactive", &["05", "06", "07", "09"]),
        ("&status=proposed,rejected,entered-in-error", &["20", "21"]),
        ("&status=proposed,active,rejected,inactive,entered-in-error", &["05", "06", "07", "09", "20", "21"]),
        ("&status=active,active", &["05", "09"]),
        ("&status=active&status=active", &["05", "09"]),
        ("&status=active,inactive&status=inactive,proposed", &["06", "07"]),
        ("&status=active,inactive,proposed&status=active,proposed&status=proposed", &["20", "21"]),
        ("&status=active&status=inactive", &[]),
    ];
    for (filter, expected) in rows {
        let bundle = validated(&app.get(&format!("/Consent?performer:identifier={MOTHER}{filter}")).await);
        assert_eq!(patients(&bundle), expected, "{filter}");
        assert_eq!(bundle["total"], expected.len(), "{filter}");
    }
}

#[rstest]
#[actix_web::test]
async fn an_empty_answer_has_an_empty_entry_and_no_includes(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for query in [
        format!("performer:identifier={LONER}"),
        format!("patient%3Aidentifier={LONER}&_include=Consent:patient&_include=Consent:performer"),
        format!("performer:identifier={MOTHER}&status=active&status=inactive&_include=Consent:performer"),
        format!("performer:identifier={MOTHER}&patient:identifier={LONER}&_include=Consent:patient"),
    ] {
        let expected = json!({
            "resourceType": "Bundle",
            "type": "searchset",
            "timestamp": "2026-11-22T12:00:00Z",
            "total": 0,
            "link": [{ "relation": "self", "url": format!("{}/Consent?{query}", app.base()) }],
            "entry": [],
        });
        assert_eq!(validated(&app.get(&format!("/Consent?{query}")).await), expected, "{query}");
    }
}

const RELATED: [&str; 3] = [
    "RelatedPerson/7cb6563b-1bc3-58e6-9ced-d3c7fe6b485a",
    "RelatedPerson/984b99da-c2b9-50f8-84a8-faddd65f921c",
    "RelatedPerson/BE974742",
];

#[rstest]
#[actix_web::test]
async fn includes_bring_people_and_relationships_once_and_are_not_counted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let proxy = [&["Patient/9000000017"][..], &RELATED].concat();
    let patients = ["Patient/9000000005", "Patient/9000000009"];
    let both = [&["Patient/9000000005", "Patient/9000000009", "Patient/9000000017"][..], &RELATED].concat();
    let rows: [(&str, &[&str]); 8] = [
        ("", &[]),
        ("&_include=Consent:performer", &proxy),
        ("&_include=Consent%3Aperformer", &proxy),
        ("&_include=Consent:patient", &patients),
        ("&_include=Consent:patient&_include=Consent:performer", &both),
        ("&_include=Consent:performer&_include=Consent:patient", &both),
        ("&_include=Consent:patient&_include=Consent:patient", &patients),
        ("&_include=Consent:performer&_include=Consent:patient&_include=Consent:performer", &both),
    ];
    for (include, expected) in rows {
        let query = format!("/Consent?performer:identifier={MOTHER}&status=active{include}");
        let bundle = validated(&app.get(&query).await);
        assert_eq!(included(&bundle), expected, "{include}");
        assert_eq!(bundle["total"], 2, "{include}");
        let link = json!([{ "relation": "self", "url": format!("{}{query}", app.base()) }]);
        assert_eq!(bundle["link"], link, "{include}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_person_who_is_proxy_and_patient_is_included_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let includes = "_include=Consent:performer&_include=Consent:patient";
    let bundle = validated(&app.get(&format!("/Consent?patient:identifier={CHILD}&{includes}")).await);
    assert_eq!(bundle["total"], 3);
    let people: Vec<_> =
        included(&bundle).into_iter().filter(|reference| reference.starts_with("Patient/")).collect();
    assert_eq!(
        people,
        ["Patient/9000000009", "Patient/9000000017", "Patient/9000000019", "Patient/9000000022"]
    );
}

#[rstest]
#[actix_web::test]
async fn relationships_that_belong_to_no_role_of_the_answer_are_not_included(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let bundle = validated(
        &app.get(&format!("/Consent?performer:identifier={PROXY}&_include=Consent:performer")).await,
    );
    assert_eq!(included(&bundle), [format!("Patient/{PROXY}")]);
}

#[rstest]
#[actix_web::test]
async fn every_bundle_entry_has_its_own_full_url(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let includes = "_include=Consent:performer&_include=Consent:patient";
    let bundle = validated(&app.get(&format!("/Consent?performer:identifier={MOTHER}&{includes}")).await);
    let entries = bundle["entry"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["resource"]["id"] == MOTHERS_ROLE));
    for entry in entries {
        let resource = &entry["resource"];
        let kind = resource["resourceType"].as_str().unwrap();
        let url = format!("{}/{kind}/{}", app.base(), resource["id"].as_str().unwrap());
        assert_eq!(entry["fullUrl"], url);
        let mode = if kind == "Consent" { "match" } else { "include" };
        assert_eq!(entry["search"], json!({ "mode": mode }), "{url}");
        assert_eq!(entry.as_object().unwrap().len(), 3, "{url}");
    }
}

/// §5 #4: the 404 is for a person "without a registered practice **and** without roles".
#[rstest]
#[actix_web::test]
async fn a_person_with_a_role_needs_no_practice(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let body = bodies::consent(LONER, NO_PRACTICE);
    assert_eq!(app.post("/Consent", body).await.status, 201);
    let person = format!("patient:identifier={NO_PRACTICE}");
    for (query, total) in [
        (person.clone(), 1),
        (format!("{person}&status=active"), 1),
        (format!("{person}&status=inactive"), 0),
        (format!("{person}&status=active&status=inactive"), 0),
        (format!("{person}&performer:identifier={LONER}"), 1),
    ] {
        let answer = app.get(&format!("/Consent?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(validated(&answer)["total"], total, "{query}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_person_without_a_practice_whose_roles_are_with_others_finds_no_role_with_this_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let body = bodies::consent(LONER, NO_PRACTICE);
    assert_eq!(app.post("/Consent", body).await.status, 201);
    let query = format!("/Consent?performer:identifier={MOTHER}&patient:identifier={NO_PRACTICE}");
    let answer = app.get(&query).await;
    assert_eq!((answer.status, &answer.json()["total"]), (200, &json!(0)));
}
