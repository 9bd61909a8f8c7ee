//! String and uri parameters.

use base::error::Error;
use cli::SeedFile;
use domain::person::NumberCheck;
use rstest::rstest;
use serde_json::json;
use service::proxy as command;

use super::{assert_finds, assert_refused, assert_totals};
use crate::support::{Backend, TestApp};

// covers S-24
#[rstest]
#[actix_web::test]
async fn a_name_is_found_by_its_beginning_whatever_its_letters(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let table = [
        ("Patient?name=smi", 3),
        ("Patient?name=SM%C3%8DTH", 3),
        ("Patient?family=smith,evans", 4),
        ("Patient?family:exact=Smith", 3),
        ("Patient?family:exact=smith", 0),
        ("Patient?name:contains=MIT", 3),
        ("Patient?given=jane", 1),
        ("Patient?given=smith", 0),
        ("Patient?name=mrs", 4),
        ("Patient?phonetic=Smith", 3),
        ("Patient?name=patient-seven", 1),
        ("Patient?name=patient+seven", 1),
        ("Patient?name=%25", 0),
        ("Patient?name=_", 0),
        ("Patient?name:contains=%25", 0),
        ("Patient?name:missing=true", 0),
        ("Patient?address=London", 0),
        ("Patient?address-city:missing=true", 48),
    ];
    assert_totals(&app, &table).await;
    assert_refused(&app, 400, &["Patient?name:not=smith", "Patient?name:sounds-like=smith"]).await;
}

// covers S-24
#[rstest]
#[actix_web::test]
async fn accents_of_a_stored_name_do_not_matter_but_for_exact(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let seed = json!({ "people": [{
        "nhs_number": "9990000018", "birth_date": "1980-01-31", "gp_ods": "A20047",
        "name": { "use": "usual", "family": "Ó Súilleabháin", "given": ["Zoë"] },
    }]});
    let seed = SeedFile::parse(&seed.to_string()).and_then(|file| file.read(NumberCheck::Length));
    let (seed, clock) = (seed.expect("it is right"), app.clock.clone());
    let seeded: Result<_, Error> = app.store.write(move |tx| command::seed(tx, &*clock, seed)).await;
    seeded.expect("it is accepted");
    let her: &[&str] = &["9990000018"];
    let table: [(&str, &[&str]); 6] = [
        ("Patient?family=o+suilleabhain", her),
        ("Patient?family=%C3%93%20S%C3%BAilleabh%C3%A1in", her),
        ("Patient?given=ZOE", her),
        ("Patient?name:contains=leabh%C3%A0", her),
        ("Patient?given:exact=Zo%C3%AB", her),
        ("Patient?given:exact=Zoe", &[]),
    ];
    assert_finds(&app, &table).await;
}

// covers S-22, S-26
#[rstest]
#[actix_web::test]
async fn a_uri_is_found_exactly_or_above_or_below(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let profile = "https://fhir.onbehalf.org.uk/R4/StructureDefinition/ProxyRole";
    let table = [
        (format!("StructureDefinition?url={profile}"), 1),
        (format!("StructureDefinition?url={}", profile.to_lowercase()), 0),
        (format!("StructureDefinition?url={profile}Other"), 0),
        (format!("StructureDefinition?url:above={profile}/more"), 1),
        ("Questionnaire?url:below=https://fhir.onbehalf.org.uk/R4".to_owned(), 1),
        ("Questionnaire?url:below=https://fhir.onbehalf.org.uk/R".to_owned(), 0),
        (format!("Consent?_profile={profile}"), 32),
        ("Consent?_profile:below=https://fhir.onbehalf.org.uk".to_owned(), 32),
        ("Consent?_profile=https://elsewhere.example".to_owned(), 0),
        ("Consent?_source:missing=true".to_owned(), 32),
        ("QuestionnaireResponse?questionnaire:missing=false".to_owned(), 1),
        ("QuestionnaireResponse?questionnaire:below=https://elsewhere.example".to_owned(), 0),
    ];
    let table: Vec<(&str, i64)> = table.iter().map(|(query, total)| (query.as_str(), *total)).collect();
    assert_totals(&app, &table).await;
    assert_refused(&app, 400, &["StructureDefinition?url:exact=x", "Consent?_profile:contains=x"]).await;
}
