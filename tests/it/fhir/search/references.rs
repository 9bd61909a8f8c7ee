//! Reference parameters: every way in which a reference can be written.

use rstest::rstest;

use super::{ROLE, assert_refused, assert_totals, total};
use crate::support::{Backend, TestApp};

// covers S-20, S-21
#[rstest]
#[actix_web::test]
async fn reference_search_matches_every_spelling(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let nhs = "https://fhir.nhs.uk/Id/nhs-number";
    let absolute = format!("http://{}/FHIR/R4/Patient/9000000022", app.address);
    for name in ["performer", "consentor", "actor"] {
        for (written, expected) in [
            (format!("{name}=9000000022"), 4),
            (format!("{name}=Patient/9000000022"), 4),
            (format!("{name}=Patient/9000000022/_history/1"), 4),
            (format!("{name}={absolute}"), 4),
            (format!("{name}=https://elsewhere.example/Patient/9000000022"), 0),
            (format!("{name}=urn:uuid:2c7e0f0a-2a9f-4b0a-9a3e-000000000001"), 0),
            (format!("{name}=RelatedPerson/9000000022"), 0),
            (format!("{name}:Patient=9000000022"), 4),
            (format!("{name}:RelatedPerson=9000000022"), 0),
            (format!("{name}:identifier={nhs}|9000000022"), 4),
            (format!("{name}:identifier=9000000022"), 4),
            (format!("{name}:identifier=|9000000022"), 0),
            (format!("{name}:identifier={nhs}|"), 32),
            (format!("{name}:identifier=https://elsewhere.example|9000000022"), 0),
            (format!("{name}:missing=true"), 0),
        ] {
            assert_eq!(total(&app, &format!("Consent?{written}")).await, expected, "{written}");
        }
    }
}

// covers S-20
#[rstest]
#[actix_web::test]
async fn logical_references_are_found_in_every_type(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let role = format!("AuditEvent?entity=Consent/{ROLE}");
    let version = format!("AuditEvent?entity=Consent/{ROLE}/_history/1");
    let target = format!("Provenance?target=Consent/{ROLE}");
    let table = [
        ("Consent?patient:identifier=https://fhir.nhs.uk/Id/nhs-number|9000000009", 3),
        ("RelatedPerson?patient:identifier=https://fhir.nhs.uk/Id/nhs-number|9000000009", 4),
        ("QuestionnaireResponse?patient:identifier=9000000006", 1),
        ("QuestionnaireResponse?subject=Patient/9000000006", 1),
        ("QuestionnaireResponse?source=9000000005", 1),
        ("QuestionnaireResponse?source:identifier=9000000005", 1),
        ("QuestionnaireResponse?proxy=9000000005", 1),
        ("Patient?general-practitioner:identifier=https://fhir.nhs.uk/Id/ods-organization-code|ODS12345", 47),
        ("Patient?general-practitioner:missing=true", 1),
        ("AuditEvent?patient=9000000009", 3),
        (&role, 1),
        (&version, 1),
        (&target, 1),
    ];
    assert_totals(&app, &table).await;
    assert_refused(&app, 400, &["Consent?patient:sounds-like=1", "Consent?patient:exact=1"]).await;
}
