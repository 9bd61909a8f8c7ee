//! Token parameters: `code`, `system|code`, `|code`, `system|`, and the modifiers.

use rstest::rstest;

use super::{assert_finds, assert_refused, assert_totals};
use crate::support::{Backend, TestApp};

// covers S-23
#[rstest]
#[actix_web::test]
async fn every_form_of_a_token_finds_what_it_means(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
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
        ("CodeSystem?status=active", 5),
    ];
    assert_totals(&app, &table).await;
}

// covers S-23, S-28, S-29
#[rstest]
#[actix_web::test]
async fn every_modifier_of_a_token_finds_what_it_means(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
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
async fn repeated_parameters_narrow_and_commas_widen(
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
