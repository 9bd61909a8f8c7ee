//! Chained parameters and `_has`.

use rstest::rstest;

use super::{assert_finds, assert_refused, assert_totals};
use crate::support::{Backend, TestApp};

// covers S-18
#[rstest]
#[actix_web::test]
async fn chained_parameter_searches_the_target(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let table = [
        ("Consent?patient.identifier=https://fhir.nhs.uk/Id/nhs-number|9000000009", 3),
        ("Consent?patient:Patient.name=smith", 3),
        ("Consent?patient.birthdate=ge2018", 4),
        ("Consent?consentor.family=thompson", 6),
        ("Consent?consentor.family=thompson&patient.name=jane", 1),
        ("Consent?patient.name:missing=true", 0),
        ("RelatedPerson?patient.given=jane", 4),
        ("QuestionnaireResponse?subject:Patient.family=percy", 1),
        ("AuditEvent?patient.family:exact=Smith", 3),
        ("Consent?patient._has:RelatedPerson:patient:relationship=MTH", 6),
    ];
    assert_totals(&app, &table).await;
    let refused = [
        "Consent?patient.nothing=1",
        "Consent?status.x=1",
        "Consent?patient:RelatedPerson.name=x",
        "Consent?organization.name=x",
        "Consent?patient.link.link.link.link.link.link.name=x",
    ];
    assert_refused(&app, 400, &refused).await;
}

// covers S-18, S-31
#[rstest]
#[actix_web::test]
async fn has_parameter_searches_the_source(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let table = [
        ("Patient?_has:Consent:patient:status=active", 15),
        ("Consent?_has:AuditEvent:entity:action=C", 32),
        ("Consent?_has:Provenance:target:recorded=lt2026", 0),
    ];
    assert_totals(&app, &table).await;
    let table: [(&str, &[&str]); 3] = [
        ("Patient?_has:RelatedPerson:patient:relationship=CHILD", &["9000000042"]),
        ("Patient?_has:Consent:performer:patient.name=smith", &["9000000017", "9000000019", "9000000022"]),
        ("Patient?_has:Consent:patient:legal-basis=UNK", &["9000000119"]),
    ];
    assert_finds(&app, &table).await;
    let deep =
        "_has:Consent:patient:".to_owned() + &"patient._has:Consent:patient:".repeat(6) + "status=active";
    let refused = [
        "Patient?_has:Nothing:patient:status=active",
        "Patient?_has:Consent:nothing:status=active",
        "Patient?_has:Consent:patient=active",
        "Patient?_has:Consent:patient:nothing=active",
        "Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed",
        &format!("Patient?{deep}"),
    ];
    assert_refused(&app, 400, &refused).await;
}
