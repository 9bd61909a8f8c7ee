//! Contract §2.2 #3, §2.3 and §3: what `GET /RelatedPerson` refuses. Everything about identifiers is 400.

use rstest::rstest;

use crate::support::{Backend, TestApp};
use crate::vrs::expected_error::{ExpectedError, expected_error, invalidated};
use crate::vrs::known::{LONER, MOTHER, NOBODY};

const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";

fn missing() -> ExpectedError {
    let diagnostics = "The 'identifier' parameter is required";
    expected_error(
        400,
        "MISSING_IDENTIFIER_VALUE",
        "invalid",
        "Missing RelatedPerson NHS number.",
        diagnostics,
    )
}

fn system() -> ExpectedError {
    let diagnostics = "The identifier system is not valid.";
    expected_error(400, "INVALID_IDENTIFIER_SYSTEM", "invalid", "Invalid identifier system.", diagnostics)
}

fn value() -> ExpectedError {
    let diagnostics = "Not a valid NHS Number provided for the 'identifier' parameter";
    let expected =
        expected_error(400, "INVALID_IDENTIFIER_VALUE", "invalid", "Provided value is invalid", diagnostics);
    expected.at("RelatedPerson.identifier")
}

fn patient_value() -> ExpectedError {
    let diagnostics = "Not a valid NHS Number provided for the 'patient:identifier' parameter";
    expected_error(
        400,
        "INVALID_PATIENT_IDENTIFIER_VALUE",
        "invalid",
        "Provided value is invalid",
        diagnostics,
    )
}

fn rows() -> Vec<(String, ExpectedError)> {
    let mut rows = vec![
        (String::new(), missing()),
        ("_include=RelatedPerson:patient".into(), missing()),
        ("performer:identifier=9000000017".into(), missing()),
        (format!("identifier={}", NOBODY[0]), invalidated()),
        (format!("identifier={NHS}|{}", NOBODY[1]), invalidated()),
        (format!("patient:identifier={}", NOBODY[0]), invalidated()),
        (format!("identifier={MOTHER}&patient:identifier={}", NOBODY[0]), invalidated()),
        (format!("identifier={}&patient:identifier={LONER}", NOBODY[0]), invalidated()),
        // Two faults: the earlier one is reported.
        ("identifier=https://fhir.nhs.uk/Id/nhs-number/invalid|730675929".into(), system()),
        (format!("identifier=1&patient:identifier=wrong|{MOTHER}"), system()),
        ("identifier=1&patient:identifier=1".into(), value()),
        (format!("identifier={}&patient:identifier=1", NOBODY[0]), patient_value()),
        (format!("identifier=1&patient:identifier={}", NOBODY[0]), value()),
    ];
    for wrong in [
        "wrong|9000000017",
        "|9000000017",
        "http://fhir.nhs.uk/Id/nhs-number|9000000017",
        "https://fhir.nhs.uk/Id/nhs-number/|9000000017",
        "https%3A%2F%2Ffhir.nhs.uk%2FId%2Fods-organization-code%7C9000000017",
    ] {
        rows.push((format!("identifier={wrong}"), system()));
        rows.push((format!("patient:identifier={wrong}"), system()));
        rows.push((format!("identifier={MOTHER}&patient%3Aidentifier={wrong}"), system()));
    }
    for wrong in [
        "1",
        "900000001",
        "90000000177",
        "9000000018",
        "900000001x",
        "900%20000%200017",
        "https://fhir.nhs.uk/Id/nhs-number|",
        "https://fhir.nhs.uk/Id/nhs-number|1",
        "https://fhir.nhs.uk/Id/nhs-number%7C9000000018",
        "https://fhir.nhs.uk/Id/nhs-number/9000000017",
    ] {
        rows.push((format!("identifier={wrong}"), value()));
        rows.push((format!("patient:identifier={wrong}"), patient_value()));
        rows.push((format!("identifier={MOTHER}&patient%3Aidentifier={wrong}"), patient_value()));
    }
    rows
}

#[rstest]
#[actix_web::test]
async fn related_person_search_fault_has_the_contract_text(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for (query, expected) in rows() {
        expected.check(&query, &app.get(&format!("/RelatedPerson?{query}")).await);
    }
}
