//! References between the entries of a transaction, and to the result of a search.

use rstest::rstest;
use serde_json::{Value, json};

use super::{ask, bundle, give, statuses};
use crate::fhir::bodies::{access_request, relationship, role};
use crate::fhir::client::{get, outcome_of, path_of, post, send, send_well};
use crate::support::{Backend, TestApp, bodies::NHS};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{CHILD, LONER, MOTHER, NOBODY, PATIENTS, SON};

const ROLE: &str = "urn:uuid:0e5fb8e1-5f8c-4d0e-9d40-0a6d5e6a9b11";
const RELATED: &str = "urn:uuid:6a0e2a4c-77e3-4d53-8f0b-b3a4f0c7f4d2";

fn named(name: &str, mut entry: Value) -> Value {
    entry["fullUrl"] = name.into();
    entry
}

fn form() -> Value {
    let mut form = access_request(LONER, SON);
    form["author"] = json!({ "reference": RELATED });
    let linked = json!({ "linkId": "linked", "answer": [
        { "valueReference": { "reference": ROLE } },
        { "valueUri": RELATED },
    ]});
    form["item"].as_array_mut().expect("items").push(linked);
    form["text"] = json!({
        "status": "additional",
        "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"{ROLE}\">role</a></div>"),
    });
    form
}

// covers B-04
#[rstest]
#[actix_web::test]
async fn full_urls_of_transaction_entries_are_replaced_by_created_ids(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let entries = [
        give("POST", "QuestionnaireResponse", &form()),
        named(ROLE, give("POST", "Consent", &role(LONER, PATIENTS[0]))),
        named(RELATED, give("POST", "RelatedPerson", &relationship(LONER, SON))),
    ];
    let answer = send(&app, post("", &bundle("transaction", &entries))).await;
    let answer = answer.json();
    assert_eq!(statuses(&answer), ["201", "201", "201"], "{answer:#}");
    let place = |number: usize| {
        let location = answer["entry"][number]["response"]["location"].as_str().expect("a location");
        let path = path_of(&app, location);
        path.split_once("/_history").expect("a version").0.trim_start_matches('/').to_owned()
    };
    let kept = send_well(&app, get(&format!("/{}", place(0))), 200).await;
    assert_eq!(kept["author"]["reference"], place(2).as_str());
    let linked = kept["item"].as_array().expect("items").last().expect("an item");
    assert_eq!(linked["answer"][0]["valueReference"]["reference"], place(1).as_str());
    assert_eq!(linked["answer"][1]["valueUri"], place(2).as_str());
    assert!(kept["text"]["div"].as_str().expect("a text").contains(&format!("href=\"{}\"", place(1))));
    assert_eq!(kept["questionnaire"], form()["questionnaire"], "a canonical stays");
}

// covers B-04, B-01
#[rstest]
#[actix_web::test]
async fn a_canonical_that_looks_like_a_name_of_an_entry_neither_waits_for_it_nor_changes(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut one = access_request(LONER, SON);
    one["questionnaire"] = RELATED.into();
    let mut other = access_request(LONER, PATIENTS[0]);
    let linked = json!({ "linkId": "linked", "answer": [{ "valueReference": { "reference": ROLE } }] });
    other["item"].as_array_mut().expect("items").push(linked);
    // One names the other by a canonical, the other refers to the first: no cycle.
    let entries = [
        named(RELATED, give("POST", "QuestionnaireResponse", &other)),
        named(ROLE, give("POST", "QuestionnaireResponse", &one)),
    ];
    let answer = send_well(&app, post("", &bundle("transaction", &entries)), 200).await;
    assert_eq!(statuses(&answer), ["201", "201"], "{answer:#}");
    assert_eq!(answer["entry"][1]["resource"]["questionnaire"], RELATED);
    let linked = answer["entry"][0]["resource"]["item"].as_array().expect("items").last().expect("an item");
    let id = answer["entry"][1]["resource"]["id"].as_str().expect("an id");
    assert_eq!(linked["answer"][0]["valueReference"]["reference"], format!("QuestionnaireResponse/{id}"));
}

// covers B-04
#[rstest]
#[actix_web::test]
async fn conditional_reference_matches_one_or_transaction_is_412(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let with = |reference: &str| {
        let mut role = role(LONER, CHILD);
        role["patient"]["reference"] = reference.into();
        give("POST", "Consent", &role)
    };
    for (row, reference, status) in [
        ("none", format!("Patient?identifier={NHS}|{}", NOBODY[0]), 412),
        ("many", "Patient?active=true".to_owned(), 412),
        ("an unknown parameter", "Patient?colour=red".to_owned(), 400),
        ("nothing to search by", "Patient?_count=1".to_owned(), 400),
        ("a name that nothing has", ROLE.to_owned(), 422),
    ] {
        let answer = send(&app, post("", &bundle("transaction", &[with(&reference)]))).await;
        assert_eq!(outcome_of(&answer).0, status, "{row}: {}", answer.json());
        footprint.check_untouched(row);
    }
    let one = format!("Patient?identifier={NHS}|{CHILD}");
    let batch = send_well(&app, post("", &bundle("batch", &[with(&one)])), 200).await;
    assert_eq!(statuses(&batch), ["422"], "transactions only");
    let found = send_well(&app, post("", &bundle("transaction", &[with(&one)])), 200).await;
    assert_eq!(statuses(&found), ["201"]);
    let patient = &found["entry"][0]["resource"]["patient"];
    assert_eq!(patient["reference"], format!("Patient/{CHILD}"));
    let search = ask("GET", &format!("Consent?patient=Patient/{CHILD}&consentor:identifier={MOTHER}"));
    let seen = send_well(&app, post("", &bundle("batch", &[search])), 200).await;
    assert_eq!(seen["entry"][0]["resource"]["total"], 1);
}
