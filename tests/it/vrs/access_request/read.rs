//! Contract §2.1, §2.2 #2, §4.5 and §5 #2: `GET /QuestionnaireResponse/{id}`, with its own error system.

use rstest::rstest;
use serde_json::json;

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::edit::with;
use crate::vrs::expected_error::{ExpectedError, expected_error};
use crate::vrs::known::{ACCESS_REQUEST, LONER, MOTHER, SON};
use crate::vrs::validated::validated;

fn bad_id() -> ExpectedError {
    let diagnostics = "The specified access request ID is invalid. Access request IDs must be a valid UUID.";
    expected_error(400, "INVALID_IDENTIFIER_VALUE", "invalid", "Invalid identifier value", diagnostics)
        .in_spine_system()
}

fn not_found() -> ExpectedError {
    let diagnostics = "The Questionnaire response could not be found using the provided access request ID.";
    let display = "Questionnaire response not found";
    expected_error(404, "QUESTIONNAIRE_RESPONSE_NOT_FOUND", "not-found", display, diagnostics)
        .in_spine_system()
}

#[rstest]
#[actix_web::test]
async fn malformed_or_unknown_access_request_id_has_the_older_code_system(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for app in [TestApp::strict(backend).await, TestApp::sandbox(backend).await] {
        for id in [
            "1",
            "19318ZGLAB",
            "156e15604e324e2a85ad5aeff03dc43e",
            "156e1560-e532-4e2a-85ad-5aeff03dc43",
            "%20",
        ] {
            bad_id().check(id, &app.get(&format!("/QuestionnaireResponse/{id}")).await);
        }
        for id in ["60d09b82-f4bb-41f9-b41e-767999b4ac9b", "986b2cfe-a9a7-517c-84fc-05d40298b1b3"] {
            not_found().check(id, &app.get(&format!("/QuestionnaireResponse/{id}")).await);
        }
    }
}

#[rstest]
#[actix_web::test]
async fn access_request_is_returned_unchanged_with_id_and_reference_code(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let good = || bodies::access_request(MOTHER, SON);
    let mut nominated = bodies::access_request(LONER, SON);
    nominated["source"] = nominated["subject"].clone();
    let relative = with(good(), "/questionnaire", "Questionnaire/4c6f0a0e-27a4-4a3f-9c9a-33dbf9b7f8aa");
    let unknown = json!({ "linkId": "else", "answer": [{ "valueDecimal": 1.50 }] });
    for (row, body) in [
        ("as a proxy", good()),
        ("as a patient", nominated),
        ("a relative questionnaire", relative),
        ("more items", with(good(), "/item/-", unknown)),
        ("other words", with(good(), "/item/0/text", "Žofie & “Bär” 👪")),
        ("another time zone", with(good(), "/authored", "2026-11-21T10:15:00.123+01:00")),
    ] {
        let sent = app.post("/QuestionnaireResponse", &body).await;
        assert_eq!(sent.status, 200, "{row}: {}", String::from_utf8_lossy(&sent.body));
        let code = sent.json()["issue"][0]["details"]["coding"][0]["code"].clone();
        let place = sent.header("Location").unwrap();
        let path = place.strip_prefix(&app.base()).unwrap();
        let shown = validated(&app.get(path).await);
        let id = path.rsplit('/').next().unwrap();
        let expected = with(with(body, "/id", id), "/identifier", json!({ "value": code }));
        assert_eq!(shown, expected, "{row}");
    }
}

#[rstest]
#[actix_web::test]
async fn published_access_request_example_is_seeded(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let shown = validated(&app.get(&format!("/QuestionnaireResponse/{ACCESS_REQUEST}")).await);
    assert_eq!(shown["resourceType"], "QuestionnaireResponse");
    assert_eq!(shown["id"], ACCESS_REQUEST);
    assert_eq!(shown["identifier"], json!({ "value": "19318ZGLAB" }));
    assert_eq!(shown["status"], "completed");
    assert_eq!(shown["authored"], "2024-07-15T09:43:03.280Z");
    assert_eq!(shown["source"]["type"], "RelatedPerson");
    assert_eq!(shown["source"]["identifier"]["value"], "9000000005");
    assert_eq!(shown["subject"]["type"], "Patient");
    assert_eq!(shown["subject"]["identifier"]["value"], "9000000006");
}

/// A document with a resource of its own inside is valid R4 (<https://hl7.org/fhir/R4/references.html>).
#[rstest]
#[actix_web::test]
async fn access_request_may_have_contained_resources(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let contained = json!([{ "resourceType": "Patient", "id": "p", "active": true }]);
    let last = with(bodies::access_request(MOTHER, SON), "/contained", contained.clone());
    let mut first = json!({ "resourceType": "QuestionnaireResponse", "contained": contained });
    for (key, value) in bodies::access_request(MOTHER, SON).as_object().unwrap() {
        first[key] = value.clone();
    }
    for (row, body) in [("last", last), ("first", first)] {
        let answer = app.post("/QuestionnaireResponse", body).await;
        assert_eq!(answer.status, 200, "{row}: {}", String::from_utf8_lossy(&answer.body));
    }
}
