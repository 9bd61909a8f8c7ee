//! Token parameters: `code`, `system|code`, `|code`, `system|`, and the modifiers.

use rstest::rstest;

use super::{assert_finds, assert_refused, assert_totals};
use crate::support::{Backend, TestApp};

// covers S-23
#[rstest]
#[actix_web::test]
async fn every_token_form_matches(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let table = [
        ("Consent?status=active", 20),
        ("Consent?status=active,proposed", 22),
        ("Consent?status=http://hl7.org/fhir/consent-state-codes|active", 20),
        ("Consent?status=http://hl7.org/fhir/consent-state-codes|", 32),
        ("Consent?status=https://elsewhere.example|active", 0),
        ("Consent?status=|active", 0),
        ("Consent?status=ACTIVE", 0),
        ("Consent?category=INFA", 32),
        ("Consent?category=http://terminology.hl7.org/CodeSystem/v3-ActCode|INFA", 32),
        ("Consent?category=https://terminology.hl7.org/CodeSystem/v3-ActCode|INFA", 32),
        ("Consent?scope=http://terminology.hl7.org/CodeSystem/consentscope|patient-privacy", 32),
        ("Consent?scope=research", 0),
        ("Consent?legal-basis=best-interest", 2),
        ("Consent?legal-basis=UNK", 1),
        ("Consent?legal-basis=http://terminology.hl7.org/CodeSystem/v3-NullFlavor|UNK", 1),
        ("Consent?status-reason=ROLE_DEACTIVATED_PATIENT_REQUEST", 5),
        ("Consent?grantor=https://fhir.nhs.uk/Id/ods-organization-code|G8101234", 32),
        ("RelatedPerson?relationship=MTH", 7),
        ("RelatedPerson?relationship=https://terminology.hl7.org/CodeSystem/v3-RoleCode|MTH", 7),
        ("RelatedPerson?relationship=http://terminology.hl7.org/CodeSystem/v3-RoleCode|", 8),
        ("RelatedPerson?relationship=|MTH", 0),
        ("RelatedPerson?active=true", 14),
        ("RelatedPerson?active=false", 0),
        ("RelatedPerson?identifier=https://fhir.nhs.uk/Id/nhs-number|9000000017", 4),
        ("Patient?identifier=9000000009", 1),
        ("Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|", 48),
        ("Patient?identifier=https://elsewhere.example|9000000009", 0),
        ("Patient?active=true", 48),
        ("Patient?deceased=true", 0),
        ("QuestionnaireResponse?identifier=19318ZGLAB", 1),
        ("QuestionnaireResponse?status=completed", 1),
        ("AuditEvent?action=C", 32),
        ("AuditEvent?subtype=update", 0),
        ("CodeSystem?code=ROLE_CREATED", 1),
        ("CodeSystem?status=active", 9),
    ];
    assert_totals(&app, &table).await;
}

// covers S-23, S-28, S-29
#[rstest]
#[actix_web::test]
async fn every_token_modifier_matches(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let table = [
        ("Consent?status:not=active", 12),
        ("Consent?status:not=active,proposed", 10),
        ("Consent?action:not=disclose", 32),
        ("Consent?category:not=INFA", 0),
        ("Consent?legal-basis:text=best", 2),
        ("Consent?status-reason:text=At+Patient", 5),
        ("Consent?status:above=active", 20),
        ("Consent?status:below=active", 20),
        ("Consent?identifier:missing=true", 32),
        ("Consent?identifier:missing=false", 0),
        ("Consent?grantor:missing=false", 32),
        ("RelatedPerson?relationship:not=MTH", 7),
        ("RelatedPerson?relationship:text=moth", 7),
        ("RelatedPerson?relationship:missing=false", 14),
        ("Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|NH|9000000009", 0),
        ("Patient?gender:missing=true", 48),
    ];
    assert_totals(&app, &table).await;
    let unknown = "https://elsewhere.example/ValueSet/unknown";
    assert_refused(
        &app,
        400,
        &[
            &format!("Consent?status:in={unknown}"),
            "Consent?status:sounds-like=active",
            "Consent?status:exact=active",
            "Consent?status:missing=perhaps",
            "Patient?active:of-type=a|b|c",
        ],
    )
    .await;
}

// covers S-07
#[rstest]
#[actix_web::test]
async fn repeated_parameters_are_and_and_commas_are_or(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let table: [(&str, &[&str]); 4] = [
        ("Consent?patient=9000000009&patient=9000000005", &[]),
        ("Consent?patient=9000000009&status=active&consentor=9000000017", &["986b2cfe"]),
        ("Consent?consentor=9000000010,9000000019", &["39df03a2", "74eed847"]),
        (r"Consent?consentor=9000000010\,9000000019", &[]),
    ];
    assert_finds(&app, &table).await;
}

// covers S-23, S-29
#[rstest]
#[actix_web::test]
async fn in_and_not_in_search_the_codes_of_a_value_set(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let ours = "https://fhir.onbehalf.org.uk/R4/ValueSet";
    let here = format!("http://{}/FHIR/R4/ValueSet", app.address);
    let hl7 = "http://hl7.org/fhir/ValueSet";
    let table = [
        (format!("Consent?status:in={ours}/proxy-role-status"), 32),
        (format!("Consent?status:in={ours}/proxy-role-status|0.1.0"), 32),
        (format!("Consent?status:in={here}/proxy-role-status"), 32),
        ("Consent?status:in=ValueSet/proxy-role-status".to_owned(), 32),
        (format!("Consent?status:in={hl7}/consent-state-codes"), 32),
        (format!("Consent?status:in={hl7}/consent-state-codes|4.0.1"), 32),
        (format!("Consent?status:not-in={hl7}/consent-state-codes"), 0),
        (format!("Consent?status:not-in={hl7}/publication-status"), 32),
        (format!("Consent?legal-basis:in={ours}/proxy-legal-basis"), 32),
        (format!("Consent?legal-basis:not-in={ours}/proxy-legal-basis"), 0),
        (format!("Consent?status-reason:in={ours}/proxy-status-reason"), 32),
        (format!("Consent?scope:in={hl7}/consent-scope"), 32),
        (format!("Consent?category:not-in={hl7}/consent-scope"), 32),
        (format!("Consent?identifier:in={hl7}/consent-scope"), 0),
        (format!("Consent?identifier:not-in={hl7}/consent-scope"), 32),
        (format!("Consent?patient=9000000009&status:in={ours}/proxy-role-status"), 3),
        (format!("RelatedPerson?relationship:in={hl7}/relatedperson-relationshiptype"), 8),
        (format!("RelatedPerson?relationship:not-in={hl7}/relatedperson-relationshiptype"), 6),
        (format!("RelatedPerson?relationship:in={ours}/proxy-legal-basis"), 0),
        (format!("QuestionnaireResponse?status:in={hl7}/questionnaire-answers-status"), 1),
        (format!("CodeSystem?status:in={hl7}/publication-status"), 9),
        (format!("CodeSystem?status:not-in={hl7}/publication-status"), 0),
        (format!("Questionnaire?status:in={hl7}/publication-status,{hl7}/consent-scope"), 1),
        (format!("Questionnaire?code:in={ours}/proxy-legal-basis"), 0),
        (format!("Questionnaire?code:not-in={ours}/proxy-legal-basis"), 1),
        (format!("ValueSet?code:in={ours}/proxy-legal-basis"), 1),
        (format!("ValueSet?code:not-in={ours}/proxy-legal-basis"), 6),
        (format!("CodeSystem?code:in={ours}/proxy-legal-basis"), 1),
    ];
    let table: Vec<(&str, i64)> = table.iter().map(|(query, total)| (query.as_str(), *total)).collect();
    assert_totals(&app, &table).await;
    let refused = [
        "CodeSystem?status:in=https://elsewhere.example/ValueSet/unknown".to_owned(),
        format!("Consent?status:not-in={ours}/unknown"),
        format!("Consent?status:in={ours}/proxy-role-status|9"),
        "Consent?status:in=ValueSet/unknown".to_owned(),
        format!("Consent?date:in={ours}/proxy-role-status"),
    ];
    assert_refused(&app, 400, &refused.each_ref().map(String::as_str)).await;
}

// covers S-23
#[rstest]
#[actix_web::test]
async fn a_code_of_a_definition_is_found_with_its_system(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let reasons = "https://fhir.nhs.uk/England/CodeSystem/England-ConsentStatusReason";
    let table = [
        (format!("CodeSystem?code={reasons}|ROLE_CREATED"), 1),
        (format!("CodeSystem?code={reasons}|"), 1),
        (format!("CodeSystem?code={reasons}|NOTHING"), 0),
        ("CodeSystem?code=https://elsewhere.example|ROLE_CREATED".to_owned(), 0),
        ("CodeSystem?code=|ROLE_CREATED".to_owned(), 0),
        ("CodeSystem?code:not=ROLE_CREATED".to_owned(), 8),
        ("ValueSet?code=http://hl7.org/fhir/consent-state-codes|active".to_owned(), 1),
        ("ValueSet?code=active".to_owned(), 1),
        ("ValueSet?code=https://elsewhere.example|active".to_owned(), 0),
        // The set takes in the whole code system.
        (format!("ValueSet?code={reasons}|ROLE_CREATED"), 1),
        ("ValueSet?code:missing=false".to_owned(), 7),
    ];
    let table: Vec<(&str, i64)> = table.iter().map(|(query, total)| (query.as_str(), *total)).collect();
    assert_totals(&app, &table).await;
}
