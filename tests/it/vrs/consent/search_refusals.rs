//! Contract §2.2 #4, §2.3 and §3: what `GET /Consent` refuses. A missing parameter is 400, a wrong one 422.

use rstest::rstest;

use crate::support::{Backend, TestApp};
use crate::vrs::expected_error::{ExpectedError, expected_error, invalidated};
use crate::vrs::known::{CHILD, MOTHER, NO_PRACTICE, NOBODY};

const INVALID: &str = "Required parameter(s) are invalid.";

fn missing() -> ExpectedError {
    let diagnostics =
        "Invalid request with error - performer:identifier or patient:identifier parameter not found.";
    expected_error(
        400,
        "MISSING_IDENTIFIER_VALUE",
        "invalid",
        "Required parameter(s) are missing.",
        diagnostics,
    )
}

fn system() -> ExpectedError {
    let diagnostics = "Invalid request with error - performer:identifier or patient:identifier system parameter is invalid.";
    expected_error(422, "INVALID_IDENTIFIER_SYSTEM", "invalid", INVALID, diagnostics)
}

fn value() -> ExpectedError {
    let diagnostics =
        "Invalid request with error - performer:identifier or patient:identifier parameter is invalid.";
    expected_error(422, "INVALID_IDENTIFIER_VALUE", "invalid", INVALID, diagnostics)
}

fn status() -> ExpectedError {
    let diagnostics = "Invalid request with error - status parameter is invalid.";
    expected_error(422, "INVALID_PARAMETER", "invalid", INVALID, diagnostics)
}

pub fn include() -> ExpectedError {
    let diagnostics = "Invalid request with error - _include parameter is invalid.";
    expected_error(422, "INVALID_PARAMETER", "invalid", INVALID, diagnostics)
}

fn no_practice() -> ExpectedError {
    let display = "GP Practice could not be found - invalid resources cannot be retrieved";
    expected_error(404, "GP_PRACTICE_NOT_FOUND", "processing", display, "GP Practice could not be found")
}

fn identifier_rows() -> Vec<(String, ExpectedError)> {
    let mut rows = vec![
        (String::new(), missing()),
        ("status=active".into(), missing()),
        ("_include=Consent:patient".into(), missing()),
        (format!("identifier={MOTHER}"), missing()),
        (format!("performer={MOTHER}"), missing()),
        (format!("performer:identifier={}", NOBODY[0]), invalidated()),
        (format!("patient:identifier={}", NOBODY[1]), invalidated()),
        (format!("performer:identifier={MOTHER}&patient:identifier={}", NOBODY[0]), invalidated()),
        (format!("performer:identifier={}&patient:identifier={CHILD}", NOBODY[0]), invalidated()),
    ];
    let names =
        ["performer:identifier", "patient:identifier", "performer%3Aidentifier", "patient%3Aidentifier"];
    for name in names {
        for wrong in [
            "wrong|9000000017",
            "|9000000017",
            "http://fhir.nhs.uk/Id/nhs-number|9000000017",
            "https://fhir.nhs.uk/Id/nhs-number/|9000000017",
            "https%3A%2F%2Ffhir.nhs.uk%2FId%2Fods-organization-code%7C9000000017",
        ] {
            rows.push((format!("{name}={wrong}"), system()));
        }
        for wrong in [
            "1",
            "900000001",
            "90000000177",
            "9000000018",
            "900000001x",
            "https://fhir.nhs.uk/Id/nhs-number|",
            "https://fhir.nhs.uk/Id/nhs-number%7C9000000018",
            "https://fhir.nhs.uk/Id/nhs-number/9000000017",
        ] {
            rows.push((format!("{name}={wrong}"), value()));
        }
    }
    rows
}

#[rstest]
#[actix_web::test]
async fn wrong_identifier_fault_has_the_contract_text(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for (query, expected) in identifier_rows() {
        expected.check(&query, &app.get(&format!("/Consent?{query}")).await);
    }
}

#[rstest]
#[actix_web::test]
async fn unknown_statuses_and_includes_are_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let search = |rest: &str| format!("/Consent?performer:identifier={MOTHER}&{rest}");
    for wrong in [
        "status=asleep",
        "status=Active",
        "status=draft",
        "status=active,asleep",
        "status=asleep,active",
        "status=active,",
        "status=active&status=asleep",
        "status=asleep&status=active",
        "status=active%20",
    ] {
        status().check(wrong, &app.get(&search(wrong)).await);
    }
    for wrong in [
        "_include=Consent:grantee",
        "_include=Consent:Patient",
        "_include=consent:patient",
        "_include=patient",
        "_include=*",
        "_include=Consent:patient,Consent:performer",
        "_include=Consent:patient&_include=Consent:grantee",
        "_include=RelatedPerson:patient&_include=Consent:performer",
    ] {
        include().check(wrong, &app.get(&search(wrong)).await);
    }
}

#[rstest]
#[actix_web::test]
async fn search_reports_the_first_fault_in_contract_order(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let unknown = format!("performer:identifier={}", NOBODY[0]);
    let rows = [
        ("presence before status", "status=asleep".to_owned(), missing()),
        ("presence before include", "_include=x".to_owned(), missing()),
        ("system before value", "performer:identifier=wrong|1".to_owned(), system()),
        (
            "system of either before value of either",
            format!("performer:identifier=1&patient:identifier=wrong|{CHILD}"),
            system(),
        ),
        ("system before status", format!("performer:identifier=wrong|{MOTHER}&status=asleep"), system()),
        ("value before status", "status=asleep&performer:identifier=1".to_owned(), value()),
        ("value before include", "_include=x&patient:identifier=1".to_owned(), value()),
        (
            "status before include",
            format!("_include=x&status=asleep&performer:identifier={MOTHER}"),
            status(),
        ),
        ("status before person", format!("{unknown}&status=asleep"), status()),
        ("include before person", format!("{unknown}&_include=x"), include()),
    ];
    for (row, query, expected) in rows {
        expected.check(row, &app.get(&format!("/Consent?{query}")).await);
    }
}

#[rstest]
#[actix_web::test]
async fn search_for_a_person_without_practice_and_role_is_an_error(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let search = |query: String| format!("/Consent?{query}");
    for query in [
        format!("performer:identifier={NO_PRACTICE}"),
        format!("patient:identifier={NO_PRACTICE}"),
        format!("performer:identifier={NO_PRACTICE}&status=active"),
        format!("performer:identifier={NO_PRACTICE}&_include=Consent:performer"),
    ] {
        no_practice().check(&query, &app.get(&search(query.clone())).await);
    }
    let both = format!("performer:identifier={NO_PRACTICE}&patient:identifier=9000000999");
    invalidated().check("person before practice", &app.get(&search(both)).await);
}
