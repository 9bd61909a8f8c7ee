//! String and uri parameters.

use base::error::Error;
use cli::SeedFile;
use domain::person::NumberCheck;
use rstest::rstest;
use serde_json::json;
use service::proxy as command;

use super::{assert_finds, assert_refused, assert_totals};
use crate::fhir::client::{post, send_well};
use crate::support::{Backend, TestApp, TestDatabase, sql};

/// The steps of the schema before that of the folded columns.
const STEPS_BEFORE: usize = 13;

// covers S-24
#[rstest]
#[actix_web::test]
async fn string_search_matches_the_beginning_without_case(
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
async fn string_search_ignores_accents_except_exact(
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

// covers FAULT-15, S-24
#[rstest]
#[actix_web::test]
async fn letter_case_is_that_of_unicode_in_every_string(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let person = |number: &str, family: &str, given: &str| {
        json!({
            "nhs_number": number, "birth_date": "1980-01-31", "gp_ods": "A20047",
            "name": { "use": "usual", "family": family, "given": [given] },
        })
    };
    let seed = json!({ "people": [
        person("9990000018", "Strauß", "Σίσυφος"), person("9990000026", "Müller", "Zoë"), person("9990000034", "ﬁnch", "ſam"),
    ]});
    let seed = SeedFile::parse(&seed.to_string()).and_then(|file| file.read(NumberCheck::Length));
    let (seed, clock) = (seed.expect("it is right"), app.clock.clone());
    let seeded: Result<_, Error> = app.store.write(move |tx| command::seed(tx, &*clock, seed)).await;
    seeded.expect("it is accepted");
    let (strauss, mueller, finch): (&[&str], &[&str], &[&str]) =
        (&["9990000018"], &["9990000026"], &["9990000034"]);
    assert_finds(
        &app,
        &[
            ("Patient?name=STRAUSS", strauss),
            ("Patient?name=strauss", strauss),
            ("Patient?family=STRAU%C3%9F", strauss),
            ("Patient?family=STRAU%E1%BA%9E", strauss),
            ("Patient?family:contains=RAUSS", strauss),
            ("Patient?family:exact=Strau%C3%9F", strauss),
            ("Patient?family:exact=Strauss", &[]),
            ("Patient?given=%CE%A3%CE%8A%CE%A3%CE%A5%CE%A6%CE%9F%CE%A3", strauss),
            ("Patient?name=%CE%A3%CE%B9%CF%83%CF%85%CF%86%CE%BF%CF%83", strauss),
            ("Patient?name=%CF%83%CE%AF%CF%83%CF%85%CF%86%CE%BF%CF%82", strauss),
            ("Patient?given:contains=%CE%A6%CE%9F%CE%A3", strauss),
            ("Patient?phonetic=strauss", strauss),
            ("Patient?family=muller", mueller),
            ("Patient?family=M%C3%9CLLER", mueller),
            ("Patient?name=FINCH", finch),
            ("Patient?given=SAM&family=finch", finch),
            (
                "Patient?_id=9990000018,9990000026,9990000034&_sort=family",
                &["9990000034", "9990000026", "9990000018"],
            ),
        ],
    )
    .await;
    // The words of a code, and the criteria of a subscription.
    let mut relationship = crate::fhir::bodies::relationship("9990000018", "9990000026");
    relationship["relationship"][0]["coding"][0]["display"] = "Große Schwester (Ältere)".into();
    let related = send_well(&app, post("/RelatedPerson", &relationship), 201).await;
    let related = [related["id"].as_str().expect("an id")];
    let subscription = crate::fhir::subscription::classic("Consent?patient.family=Straußenfeder", None);
    let subscription = send_well(&app, post("/Subscription", &subscription), 201).await;
    let subscribed = [subscription["id"].as_str().expect("an id")];
    assert_finds(
        &app,
        &[
            ("RelatedPerson?relationship:text=gro%C3%9Fe", &related),
            ("RelatedPerson?relationship:text=GROSSE", &related),
            ("RelatedPerson?relationship:text=altere", &related),
            ("RelatedPerson?relationship:text=%C3%84LTERE)", &related),
            ("Subscription?criteria=consent?patient.family=STRAUSSENFEDER", &subscribed),
            ("Subscription?criteria:contains=STRAU%C3%9FEN", &subscribed),
            ("Subscription?criteria:exact=Consent?patient.family=straussenfeder", &[]),
        ],
    )
    .await;
}

/// From the previous schema with rows as an earlier version wrote them, and with that version still writing
/// during a rolling upgrade.
// covers FAULT-15
#[rstest]
fn migration_folds_what_an_earlier_version_has_folded(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::empty(backend);
    let store = database.open();
    let steps = store.migrate_up().expect("up").len();
    store.migrate_down(steps - STEPS_BEFORE).expect("down");
    let person = |number: &str, first: i32| {
        format!(
            "INSERT INTO people (nhs_number, standing, updated_at) VALUES ('{number}', 'current', 5); \
             INSERT INTO person_name_parts (nhs_number, position, part, value, folded) VALUES \
             ('{number}', {first}, 'family', 'Strauß', 'strauß'), ('{number}', {first} + 1, 'given', 'Σίσυφος', 'σισυφος'), \
             ('{number}', {first} + 2, 'given', 'Zoë', 'zoe'), ('{number}', {first} + 3, 'given', 'Ævar', 'ævar'); \
             INSERT INTO relationships (id, version, proxy, patient, verified, active, updated_at) \
             VALUES ('r{number}', 1, '{number}', '{number}', TRUE, TRUE, 5); \
             INSERT INTO relationship_codes (relationship_id, version, position, system, code, display) VALUES \
             ('r{number}', 1, 0, 's', 'a', 'Große'), ('r{number}', 1, 1, 's', 'b', 'Plain'), ('r{number}', 1, 2, 's', 'c', NULL)"
        )
    };
    sql::execute(&database.url, &person("9990000018", 0));
    store.migrate_up().expect("up");
    let names = |number: &str| {
        sql::values(
            &database.url,
            &format!(
                "SELECT folded AS value FROM person_name_parts WHERE nhs_number = '{number}' ORDER BY position"
            ),
        )
    };
    let displays = || {
        let row = "relationship_id || code || ' ' || COALESCE(display_folded, '-')";
        sql::values(&database.url, &format!("SELECT {row} AS value FROM relationship_codes ORDER BY 1"))
    };
    let folded = ["strauss", "σισυφοσ", "zoe", "ævar"];
    assert_eq!(names("9990000018"), folded);
    assert_eq!(displays(), ["r9990000018a grosse", "r9990000018b -", "r9990000018c -"]);
    // The earlier version continues.
    sql::execute(&database.url, &person("9990000026", 3));
    assert_eq!(names("9990000026")[0], "strauß");
    assert!(store.migrate_up().expect("up").is_empty());
    assert_eq!(names("9990000026"), folded);
    assert_eq!(names("9990000018"), folded);
    assert_eq!(displays()[3], "r9990000026a grosse");
}

/// More rows than are read at a time.
// covers FAULT-15
#[rstest]
fn migration_folds_any_number_of_rows(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = TestDatabase::migrated(backend);
    let rows: Vec<String> =
        (0..2_500).map(|at| format!("('9990000018', {at}, 'given', 'ß{at}', 'ß{at}')")).collect();
    sql::execute(
        &database.url,
        &format!(
            "INSERT INTO people (nhs_number, standing, updated_at) VALUES ('9990000018', 'current', 5); \
             INSERT INTO person_name_parts (nhs_number, position, part, value, folded) VALUES {}",
            rows.join(", ")
        ),
    );
    database.open().migrate_up().expect("up");
    let left = "SELECT COUNT(*) || '' AS value FROM person_name_parts WHERE folded LIKE 'ss%'";
    assert_eq!(sql::values(&database.url, left), ["2500"]);
}
