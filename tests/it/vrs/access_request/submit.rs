//! Contract §2.2 #1, §4.5 and §5 #1: `POST /QuestionnaireResponse`.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, Request, TestApp, bodies};
use crate::vrs::callers::{citizen, guarded_options};
use crate::vrs::edit::{with, without};
use crate::vrs::expected_error::{duplicate_relationship, not_a_questionnaire_response};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{CHILD, LONER, MOTHER, PATIENTS, PROXY, SON};
use crate::vrs::operations::request;
use crate::vrs::validated::validated;

fn good() -> Value {
    bodies::access_request(MOTHER, SON)
}

fn is_reference_code(code: &str) -> bool {
    code.len() == 10 && code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

#[rstest]
#[actix_web::test]
async fn submitted_access_request_has_location_and_reference_code(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let mut codes = Vec::new();
    for _ in 0..3 {
        let answer = app.post("/QuestionnaireResponse", good()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(footprint.grown(), Rows::SUBMITTED);
        let outcome = validated(&answer);
        let coding = &outcome["issue"][0]["details"]["coding"][0];
        let code = coding["code"].as_str().unwrap().to_owned();
        assert!(is_reference_code(&code), "{code}");
        let expected = json!({
            "resourceType": "OperationOutcome",
            "issue": [{
                "severity": "information",
                "code": "informational",
                "details": { "coding": [{ "code": code, "display": code }] },
            }],
        });
        assert_eq!(outcome, expected);
        let place = answer.header("Location").unwrap();
        let id = place.strip_prefix(&format!("{}/QuestionnaireResponse/", app.base())).unwrap();
        assert!(uuid::Uuid::parse_str(id).is_ok_and(|uuid| uuid.to_string() == id), "{place}");
        let reference = format!("QuestionnaireResponse/{id}");
        let (acts, topics) =
            app.look(move |tx| Ok((tx.list_acts(&reference)?, tx.list_topics(&reference)?))).await;
        assert_eq!(acts, [("access-request-submitted".to_owned(), "anyone".to_owned())]);
        assert_eq!(topics, ["access-request-submitted"]);
        assert!(!codes.contains(&code), "codes are unique");
        codes.push(code);
    }
}

/// The pointer of an answer in [`good`], by the places of its group and item.
fn answer(group: usize, item: usize) -> String {
    format!("/item/{group}/item/{item}/answer/0/valueString")
}

fn refused() -> Vec<(String, Value)> {
    let mut rows = Vec::new();
    for pointer in [
        "/resourceType",
        "/status",
        "/authored",
        "/source",
        "/source/type",
        "/source/identifier",
        "/source/identifier/system",
        "/source/identifier/value",
        "/subject",
        "/subject/type",
        "/subject/identifier",
        "/subject/identifier/system",
        "/subject/identifier/value",
        "/questionnaire",
        "/item",
        // The three answers that a request stands on (→ REC).
        "/item/0/item/0",
        "/item/0/item/0/answer",
        "/item/2",
        "/item/2/item/0/answer",
        "/item/3",
        "/item/3/item/0",
        "/item/3/item/0/answer",
    ] {
        rows.push((format!("without {pointer}"), without(good(), pointer)));
    }
    for (pointer, wrong) in [
        ("/resourceType", json!("Questionnaire")),
        ("/status", json!("in-progress")),
        ("/status", json!("amended")),
        ("/authored", json!("yesterday")),
        ("/questionnaire", json!("https://example.nhs.uk/Form/1")),
        ("/questionnaire", json!("Questionnaire/")),
        ("/source/type", json!("Practitioner")),
        ("/source/identifier/system", json!("https://example.org")),
        ("/source/identifier/value", json!("1")),
        ("/source/identifier/value", json!("9000000018")),
        ("/subject/type", json!("RelatedPerson")),
        ("/subject/identifier/system", json!("https://example.org")),
        ("/subject/identifier/value", json!("1")),
        // Source, subject and the two answers must agree (→ REC).
        ("/source/identifier/value", json!(LONER)),
        ("/source/type", json!("Patient")),
        ("/subject/identifier/value", json!(CHILD)),
        (&answer(0, 0), json!(LONER)),
        (&answer(0, 0), json!("9000000018")),
        (&answer(0, 0), json!("https://fhir.nhs.uk/Id/nhs-number|9000000017")),
        (&answer(2, 0), json!(CHILD)),
        (&answer(2, 0), json!("1")),
        ("/item/-", json!({ "linkId": "patient_identifier", "answer": [{ "valueString": SON }] })),
        ("/notAnElement", json!("x")),
        ("/item/0/linkId", json!(1)),
        ("/modifierExtension", json!([{ "url": "https://example.org/not", "valueBoolean": true }])),
    ] {
        rows.push((format!("{pointer} = {wrong}"), with(good(), pointer, wrong)));
    }
    rows.push(("the proxy is the patient".to_owned(), bodies::access_request(MOTHER, MOTHER)));
    rows
}

#[rstest]
#[actix_web::test]
async fn inconsistent_access_request_is_400(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (row, body) in refused() {
        not_a_questionnaire_response().check(&row, &app.post("/QuestionnaireResponse", body).await);
        footprint.check_untouched(&row);
    }
    for body in ["{}", "", "[]", "{", "null", "\"x\""] {
        let request =
            request("POST", "/QuestionnaireResponse").header("Content-Type", "application/fhir+json");
        not_a_questionnaire_response().check(body, &app.send(request.body(body)).await);
    }
    footprint.check_untouched("all of them");
}

#[rstest]
#[actix_web::test]
async fn access_request_for_a_pair_with_a_role_is_409(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (row, proxy, patient) in
        [("active", MOTHER, CHILD), ("rejected", PROXY, PATIENTS[1]), ("inactive", PROXY, PATIENTS[11])]
    {
        let body = bodies::access_request(proxy, patient);
        duplicate_relationship().check(row, &app.post("/QuestionnaireResponse", body).await);
        footprint.check_untouched(row);
    }
    let spoilt = with(bodies::access_request(MOTHER, CHILD), "/status", "in-progress");
    let answer = app.post("/QuestionnaireResponse", spoilt).await;
    not_a_questionnaire_response().check("the document before the pair", &answer);
}

// SEC-24.
#[rstest]
#[actix_web::test]
async fn open_access_requests_of_a_citizen_are_limited_409(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut options = guarded_options();
    options.contract.open_requests_per_applicant = 2;
    let app = TestApp::start(backend, options).await;
    let submit = |proxy: &'static str, patient: &'static str| {
        let path = format!("{}/QuestionnaireResponse", api_vrs::BASE_PATH);
        app.send(Request::post(&path, bodies::access_request(proxy, patient)).bearer(&citizen(proxy)))
    };
    assert_eq!(submit(MOTHER, SON).await.status, 200, "the ordinary flow");
    let before = app.count_rows("access_requests");
    let again = submit(MOTHER, SON).await;
    let coding = &again.json()["issue"][0]["details"]["coding"][0];
    assert_eq!((again.status, coding["code"].clone()), (409, "OPEN_ACCESS_REQUEST".into()));
    assert_eq!(app.count_rows("access_requests"), before);
    // About another person, and by another applicant.
    assert_eq!(submit(MOTHER, LONER).await.status, 200);
    assert_eq!(submit(LONER, SON).await.status, 200);
    // Two of hers are open.
    assert_eq!(submit(MOTHER, "9434765919").await.status, 409);
    // Without an answer, a request is open for 28 days.
    app.clock.advance(chrono::TimeDelta::days(28) + chrono::TimeDelta::seconds(1));
    assert_eq!(submit(MOTHER, SON).await.status, 200);
}
