//! Contract §4.2, §4.3, §4.4 and §5 #3: what `GET /RelatedPerson` answers.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp};
use crate::vrs::known::{CHILD, LONER, MOTHER, SON};
use crate::vrs::validated::validated;

const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";

fn nhs(number: &str) -> Value {
    json!({ "system": NHS, "value": number })
}

fn mother_of(id: &str, child: &str, name: &Value, born: &str) -> Value {
    json!({
        "resourceType": "RelatedPerson",
        "id": id,
        "identifier": [nhs(MOTHER)],
        "patient": { "type": "Patient", "identifier": nhs(child) },
        "relationship": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH", "display": "mother",
        }]}],
        "name": [name],
        "birthDate": born,
    })
}

fn child(number: &str, name: &Value, born: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "id": number,
        "identifier": [nhs(number)],
        "name": [name],
        "birthDate": born,
    })
}

fn entry(base: &str, mode: &str, resource: &Value) -> Value {
    let path = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
    json!({ "fullUrl": format!("{base}/{path}"), "resource": resource, "search": { "mode": mode } })
}

/// The order of entries is not contractual.
fn in_order(bundle: &mut Value) {
    if let Some(entries) = bundle["entry"].as_array_mut() {
        entries.sort_by_key(|entry| entry["fullUrl"].to_string());
    }
}

#[rstest]
#[actix_web::test]
async fn relationships_are_shown_with_the_names_of_the_children_and_each_child_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let jane = json!({ "use": "usual", "family": "Smith", "given": ["Jane Marie Anne"], "prefix": ["Miss"] });
    let daren = json!({ "use": "usual", "family": "FEARON", "given": ["Daren"], "prefix": ["MR"] });
    let related =
        [mother_of("A3CC67E2", SON, &daren, "2018-04-27"), mother_of("BE974742", CHILD, &jane, "2022-10-22")];
    let children = [child(CHILD, &jane, "2022-10-22"), child(SON, &daren, "2018-04-27")];
    for (include, extra) in [("", &[][..]), ("&_include=RelatedPerson:patient", &children[..])] {
        let query = format!("/RelatedPerson?identifier={MOTHER}{include}");
        let mut bundle = validated(&app.get(&query).await);
        in_order(&mut bundle);
        let matches = related.iter().map(|resource| entry(&app.base(), "match", resource));
        let includes = extra.iter().map(|resource| entry(&app.base(), "include", resource));
        let mut expected = json!({
            "resourceType": "Bundle",
            "type": "searchset",
            "timestamp": "2026-11-22T12:00:00Z",
            "total": 2,
            "link": [{ "relation": "self", "url": format!("{}{query}", app.base()) }],
            "entry": matches.chain(includes).collect::<Vec<_>>(),
        });
        in_order(&mut expected);
        assert_eq!(bundle, expected, "{query}");
    }
}

fn ids(bundle: &Value, mode: &str) -> Vec<String> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let mut ids: Vec<_> = entries
        .filter(|entry| entry["search"]["mode"] == mode)
        .map(|entry| entry["resource"]["id"].as_str().unwrap_or_default().to_owned())
        .collect();
    ids.sort();
    ids
}

#[rstest]
#[actix_web::test]
async fn proxy_and_patient_narrow_a_search(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let rows: Vec<(String, &[&str])> = vec![
        (format!("identifier={MOTHER}"), &["A3CC67E2", "BE974742"]),
        (format!("identifier={NHS}|{MOTHER}"), &["A3CC67E2", "BE974742"]),
        (format!("identifier={NHS}%7C{MOTHER}"), &["A3CC67E2", "BE974742"]),
        (
            format!("identifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C{MOTHER}"),
            &["A3CC67E2", "BE974742"],
        ),
        (format!("patient:identifier={CHILD}"), &["BE974742"]),
        (format!("patient%3Aidentifier={NHS}|{CHILD}"), &["BE974742"]),
        (format!("patient%3aidentifier={SON}"), &["A3CC67E2"]),
        (format!("identifier={MOTHER}&patient:identifier={CHILD}"), &["BE974742"]),
        (format!("patient:identifier={SON}&identifier={NHS}|{MOTHER}"), &["A3CC67E2"]),
        (format!("identifier={MOTHER}&patient:identifier={LONER}"), &[]),
        (format!("identifier={CHILD}"), &["c32aeb7b-e157-523c-bf40-584a11c033d1"]),
        (format!("identifier={CHILD}&patient:identifier={MOTHER}"), &[]),
        (format!("identifier={LONER}"), &[]),
        (format!("patient:identifier={LONER}"), &[]),
    ];
    for (query, expected) in rows {
        let bundle = validated(&app.get(&format!("/RelatedPerson?{query}")).await);
        assert_eq!(ids(&bundle, "match"), expected, "{query}");
        assert_eq!(bundle["total"], expected.len(), "{query}");
    }
}

#[rstest]
#[actix_web::test]
async fn an_empty_answer_has_no_entry(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    for include in ["", "&_include=RelatedPerson:patient"] {
        let query = format!("/RelatedPerson?identifier={LONER}{include}");
        let expected = json!({
            "resourceType": "Bundle",
            "type": "searchset",
            "timestamp": "2026-11-22T12:00:00Z",
            "total": 0,
            "link": [{ "relation": "self", "url": format!("{}{query}", app.base()) }],
        });
        assert_eq!(validated(&app.get(&query).await), expected, "{query}");
    }
}

#[rstest]
#[actix_web::test]
async fn includes_are_counted_out_and_other_includes_are_ignored(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let rows: [(&str, &[&str]); 6] = [
        ("", &[]),
        ("&_include=RelatedPerson:patient", &[CHILD, SON]),
        ("&_include=RelatedPerson%3Apatient", &[CHILD, SON]),
        ("&_include=RelatedPerson:patient&_include=RelatedPerson:patient", &[CHILD, SON]),
        ("&_include=Consent:patient", &[]),
        ("&_include=nonsense&_include=RelatedPerson:patient", &[CHILD, SON]),
    ];
    for (include, expected) in rows {
        let bundle = validated(&app.get(&format!("/RelatedPerson?identifier={MOTHER}{include}")).await);
        assert_eq!(bundle["total"], 2, "{include}");
        assert_eq!(ids(&bundle, "include"), expected, "{include}");
    }
}
