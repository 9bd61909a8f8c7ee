//! Large forms in transactions. While the writer is held, no large content is parsed, validated or compared:
//! a debug build of the server, which the tests run, panics where that happens ([`base::held`]), so each row
//! would be answered 500.

use rstest::rstest;
use serde_json::{Value, json};

use super::{ask, bundle, give, statuses};
use crate::fhir::bodies::{access_request, fhirpath_replace, relationship, role};
use crate::fhir::client::{get, outcome_of, post, send, send_well};
use crate::support::{Backend, TestApp, bodies::NHS};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, MOTHER, PATIENTS, SON};

const RELATED: &str = "urn:uuid:6a0e2a4c-77e3-4d53-8f0b-b3a4f0c7f4d2";
const OTHER: &str = "urn:uuid:4f7d0f7e-0d0d-4f0c-9c37-0b6a1c8f6a55";
const TEXT: usize = 100_000;

/// A form of 100 KB that refers to this as its author.
fn large(author: &str) -> Value {
    let mut form = access_request(LONER, SON);
    form["author"] = json!({ "reference": author });
    let text = json!({ "linkId": "story", "answer": [{ "valueString": "x".repeat(TEXT) }] });
    form["item"].as_array_mut().expect("items").push(text);
    form
}

fn named(name: &str, mut entry: Value) -> Value {
    entry["fullUrl"] = name.into();
    entry
}

fn unless(mut entry: Value, condition: &str) -> Value {
    entry["request"]["ifNoneExist"] = condition.into();
    entry
}

fn condition(proxy: &str, patient: &str) -> String {
    format!("identifier={NHS}|{proxy}&patient=Patient/{patient}")
}

fn make(proxy: &str, patient: &str) -> Value {
    give("POST", "RelatedPerson", &relationship(proxy, patient))
}

async fn execute(app: &TestApp, row: &str, entries: &[Value], wanted: &[&str]) -> Value {
    let answer = send(app, post("", &bundle("transaction", entries))).await;
    assert_eq!(answer.status, 200, "{row}: {:.2000}", answer.json());
    let answer = answer.json();
    assert_eq!(statuses(&answer), wanted, "{row}");
    answer
}

/// `Type/id` of what an entry of an answer holds.
fn place(answer: &Value, number: usize) -> String {
    let resource = &answer["entry"][number]["resource"];
    let text = |name: &str| resource[name].as_str().expect("it is there");
    format!("{}/{}", text("resourceType"), text("id"))
}

fn author(answer: &Value, number: usize) -> &str {
    let resource = &answer["entry"][number]["resource"];
    let items = resource["item"].as_array().expect("items");
    let text = &items.last().expect("the story")["answer"][0]["valueString"];
    assert_eq!(text.as_str().map(str::len), Some(TEXT), "the whole form is answered");
    resource["author"]["reference"].as_str().expect("a reference")
}

// covers B-04
#[rstest]
#[actix_web::test]
async fn large_questionnaire_response_resolves_references_in_a_transaction(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let post_form = |author: &str| give("POST", "QuestionnaireResponse", &large(author));
    let row = "a name";
    let made =
        execute(&app, row, &[post_form(RELATED), named(RELATED, make(LONER, SON))], &["201", "201"]).await;
    assert_eq!(author(&made, 0), place(&made, 1), "{row}");
    let existing = place(&made, 1);

    let row = "the name of a conditional create that finds";
    let found = unless(named(RELATED, make(LONER, SON)), &condition(LONER, SON));
    let made = execute(&app, row, &[post_form(RELATED), found], &["201", "200"]).await;
    assert_eq!(author(&made, 0), existing, "{row}");

    let row = "the name of a conditional create that makes";
    let found = unless(named(RELATED, make(LONER, PATIENTS[0])), &condition(LONER, PATIENTS[0]));
    let made = execute(&app, row, &[post_form(RELATED), found], &["201", "201"]).await;
    assert_eq!(author(&made, 0), place(&made, 1), "{row}");

    let row = "a conditional reference";
    let reference = |proxy: &str, patient: &str| format!("RelatedPerson?{}", condition(proxy, patient));
    let made = execute(&app, row, &[post_form(&reference(LONER, SON))], &["201"]).await;
    assert_eq!(author(&made, 0), existing, "{row}");

    let row = "conditional references to what the transaction makes, more of them than attempts";
    let mut entries: Vec<Value> = PATIENTS[1..7].iter().map(|patient| make(LONER, patient)).collect();
    entries.extend(PATIENTS[1..7].iter().map(|patient| post_form(&reference(LONER, patient))));
    let made = execute(&app, row, &entries, &["201"; 12]).await;
    for number in 0..6 {
        assert_eq!(author(&made, number + 6), place(&made, number), "{row}");
    }

    let row = "a name and a condition that finds nothing: nothing of it is done";
    let mut footprint = Footprint::of(&app);
    let entries =
        [named(RELATED, make(MOTHER, SON)), post_form(RELATED), post_form(&reference(MOTHER, PATIENTS[0]))];
    let refused = send(&app, post("", &bundle("transaction", &entries))).await;
    assert_eq!((outcome_of(&refused).0, outcome_of(&refused).2.as_str()), (412, "Bundle.entry[2]"), "{row}");
    footprint.check_untouched(row);
}

// covers B-01, B-04, R-14
#[rstest]
#[actix_web::test]
async fn large_questionnaire_response_is_searched_read_and_updated(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let made = send_well(&app, post("/QuestionnaireResponse", &large("Patient/1")), 201).await;
    let id = made["id"].as_str().expect("an id").to_owned();
    let code = made["identifier"]["value"].as_str().expect("a code").to_owned();
    let url = format!("QuestionnaireResponse/{id}");

    let row = "If-None-Exist that finds a form answers the whole of it";
    let condition = format!("identifier={code}");
    let conditional = post("/QuestionnaireResponse", &large("Patient/1")).header("if-none-exist", &condition);
    let found = send_well(&app, conditional, 200).await;
    assert_eq!(found, made, "{row}");
    let entry = unless(give("POST", "QuestionnaireResponse", &large("Patient/1")), &condition);
    let found = execute(&app, row, &[entry], &["200"]).await;
    assert_eq!(found["entry"][0]["resource"], made, "{row}");

    let row = "reads in a transaction that writes";
    let entries = [
        ask("GET", &url),
        ask("GET", &format!("{url}/_history/1")),
        ask("GET", &format!("{url}/_history")),
        ask("GET", &format!("QuestionnaireResponse?_id={id}")),
        ask("GET", &format!("QuestionnaireResponse?_id={id}&_elements=author")),
        give("POST", "Consent", &role(LONER, PATIENTS[0])),
    ];
    let read = execute(&app, row, &entries, &["200", "200", "200", "200", "200", "201"]).await;
    let resource = |number: usize| &read["entry"][number]["resource"];
    assert_eq!((resource(0), resource(1)), (&made, &made), "{row}");
    assert_eq!(resource(2)["entry"][0]["resource"], made, "{row}");
    assert_eq!(resource(3)["entry"][0]["resource"], made, "{row}");
    let part = &resource(4)["entry"][0]["resource"];
    assert_eq!((&part["author"]["reference"], part.get("item")), (&"Patient/1".into(), None), "{row}");

    let row = "reads alone in a transaction";
    let read = execute(&app, row, &entries[..4], &["200"; 4]).await;
    assert_eq!(read["entry"][0]["resource"], made, "{row}");
    let row = "a read that finds nothing undoes the change";
    let mut footprint = Footprint::of(&app);
    let wrong = [give("POST", "Consent", &role(LONER, PATIENTS[1])), ask("GET", "Consent/none")];
    assert_eq!(outcome_of(&send(&app, post("", &bundle("transaction", &wrong))).await).0, 404, "{row}");
    footprint.check_untouched(row);

    let row = "a change with a link, and a patch with one";
    let mut amended = made.clone();
    amended["author"]["reference"] = RELATED.into();
    amended["status"] = "amended".into();
    let entries = [named(RELATED, make(LONER, SON)), give("PUT", &url, &amended)];
    let changed = execute(&app, row, &entries, &["201", "200"]).await;
    assert_eq!(author(&changed, 1), place(&changed, 0), "{row}");
    let patch = fhirpath_replace("QuestionnaireResponse.author.reference", "valueString", OTHER.into());
    let other = give("POST", "RelatedPerson", &relationship(LONER, PATIENTS[2]));
    let entries = [give("PATCH", &url, &patch), named(OTHER, other)];
    let changed = execute(&app, row, &entries, &["200", "201"]).await;
    assert_eq!(author(&changed, 0), place(&changed, 1), "{row}");
    let kept = send_well(&app, get(&format!("/{url}")), 200).await;
    assert_eq!(kept["author"]["reference"], place(&changed, 1), "{row}");
}
