//! The searches with a performance guarantee use an index, whatever the number of rows.

use std::sync::Arc;

use api_fhir::statement_of;
use base::clock::SystemClock;
use rstest::rstest;
use store::search::{PageQuery, Visibility};

use crate::support::{Backend, TestDatabase, sandbox_contract, sql};
use crate::vrs::callers::number;

/// 6,000 people, 5,000 roles, relationships, access requests and acts: 500 proxies with 10 patients each.
pub fn filled(backend: Backend) -> TestDatabase {
    let database = TestDatabase::migrated(backend);
    let numbers = |last: u32| {
        format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"
        )
    };
    let (proxy, patient) = ("CAST(9990000000 + n / 10 AS TEXT)", "CAST(9990000500 + n AS TEXT)");
    let person = "CAST(9990000000 + n AS TEXT)";
    let id = "'018f0000-0000-7000-8000-' || CAST(100000000000 + n AS TEXT)";
    let truth = if backend == Backend::Sqlite { "1" } else { "TRUE" };
    let (people, rows) = (numbers(5999), numbers(4999));
    sql::execute(
        &database.url,
        &format!(
            "INSERT INTO people (nhs_number, standing, birth_date, birth_from, birth_to, practice, updated_at)
                {people} SELECT {person}, 'current', '1970-01-01', n * CAST(86400000 AS BIGINT), n * CAST(86400000 AS BIGINT) + 86399999,
                    'A20047', n FROM numbers;
            INSERT INTO person_name_parts (nhs_number, position, part, value, folded)
                {people} SELECT {person}, 0, 'family', 'Name' || n, 'name' || n FROM numbers;
            INSERT INTO roles (id, version, proxy, patient, status, reason_code, legal_basis, grantor,
                    start_text, start_at, created_text, created_from, created_to, updated_at)
                {rows} SELECT {id}, 1, {proxy}, {patient}, 'active', 'ROLE_CREATED', 'consent', 'A20047',
                    '2020-01-01', 0, '2020-01-01', 0, 0, n FROM numbers;
            INSERT INTO relationships (id, version, proxy, patient, verified, active, updated_at)
                {rows} SELECT {id}, 1, {proxy}, {patient}, {truth}, {truth}, n FROM numbers;
            INSERT INTO access_requests (id, version, reference_code, status, applicant, proxy, patient,
                    authored_text, authored_from, authored_to, questionnaire, document, updated_at)
                {rows} SELECT {id}, 1, 'R' || n, 'completed', 'RelatedPerson', {proxy}, {patient},
                    '2020-01-01', 0, 0, 'https://example.org/q', '{{}}', n FROM numbers;
            INSERT INTO audit_records (id, chain, sequence, previous_hash, hash, recorded_at, act, outcome,
                    caller_kind, caller_id, app, grant_id, subject, subject_version, patient, proxy)
                {rows} SELECT {id}, 0, n, '', '', n, 'role-created', '0', 'system', 'system ' || n,
                    'app-' || n, {id}, 'Consent/' || {id}, 1, {patient}, {proxy} FROM numbers;"
        ),
    );
    if backend == Backend::Postgres {
        sql::execute(&database.url, "ANALYZE;");
    }
    database
}

const ONE_ROLE: &str = "018f0000-0000-7000-8000-100000000007";

/// The guaranteed searches, and the indexes of which one must be used.
fn promised() -> Vec<(&'static str, String, &'static [&'static str])> {
    let of_pair: &[&str] = &["roles_by_patient", "roles_proxy_patient_key", "sqlite_autoindex_roles_2"];
    let of_people: &[&str] = &["people_pkey", "sqlite_autoindex_people_1"];
    let table: [(&str, &str, &[&str]); 29] = [
        ("Consent", "patient=9990001505", &["roles_by_patient"]),
        ("Consent", "consentor=9990000100", of_pair),
        ("Consent", "performer:identifier=9990000100", of_pair),
        ("Consent", "patient=9990001505&consentor=9990000100", of_pair),
        ("Consent", &format!("_id={ONE_ROLE}"), &["roles_pkey", "sqlite_autoindex_roles_1"]),
        ("Consent", "_lastUpdated=1970-01-01T00:00:00.100Z", &["roles_by_update"]),
        ("RelatedPerson", "patient=9990001505", &["relationships_by_patient"]),
        ("RelatedPerson", "identifier=9990000100", &["relationships_by_proxy"]),
        ("QuestionnaireResponse", "patient=9990001505", &["access_requests_by_patient"]),
        ("Patient", "identifier=9990001505", of_people),
        ("Patient", "name=name4711", &["person_name_parts_by_folded"]),
        ("Patient", "birthdate=1970-03-02", &["people_by_birth"]),
        ("AuditEvent", &format!("entity=Consent/{ONE_ROLE}"), &["audit_records_by_subject"]),
        ("AuditEvent", &format!("entity=Consent/{ONE_ROLE}"), &["audit_records_by_patient"]),
        ("AuditEvent", &format!("entity=RelatedPerson/{ONE_ROLE}"), &["audit_records_by_subject"]),
        ("AuditEvent", "outcome=4", &["audit_records_by_outcome"]),
        ("Provenance", &format!("target=Consent/{ONE_ROLE}"), &["audit_records_by_subject"]),
        ("AuditEvent", "patient=9990001505", &["audit_records_by_patient"]),
        ("AuditEvent", "date=1970-01-01T00:00:00.100Z", &["audit_records_by_time"]),
        (
            "AuditEvent",
            "agent:identifier=https://fhir.onbehalf.org.uk/Id/client-id|app-4711",
            &["audit_records_by_app"],
        ),
        ("AuditEvent", "agent:identifier=app-4711", &["audit_records_by_app"]),
        ("AuditEvent", "policy=urn:uuid:018f0000-0000-7000-8000-100000004711", &["audit_records_by_grant"]),
        ("AuditEvent", "subtype=token-refused", &["audit_records_by_act"]),
        ("AuditEvent", "type=110137", &["audit_records_by_act"]),
        ("AuditEvent", "entity-role=24&patient=9990001505", &["audit_records_by_patient"]),
        ("AuditEvent", "entity-type=4&agent:identifier=app-4711", &["audit_records_by_app"]),
        ("Provenance", "agent:identifier=system 4711", &["audit_records_by_caller"]),
        (
            "Provenance",
            "agent:identifier=https://fhir.onbehalf.org.uk/Id/caller|system 4711",
            &["audit_records_by_caller"],
        ),
        ("Provenance", "agent:identifier=service", &["audit_records_by_caller"]),
    ];
    table.map(|(kind, query, indexes)| (kind, query.to_owned(), indexes)).into()
}

/// A search, compiled as the server compiles it.
pub fn statement(kind: &str, query: &str) -> PageQuery {
    let clock = Arc::new(SystemClock);
    statement_of(kind, query, clock, sandbox_contract()).unwrap_or_else(|| panic!("{kind}?{query}"))
}

pub async fn assert_uses_index(
    database: &TestDatabase,
    query: PageQuery,
    scope: Visibility,
    (name, indexes): (&str, &[&str]),
) {
    let table = format!("{:?}", query.table);
    let plan = database.open().read(move |tx| tx.explain(&query, scope)).await.expect("there is a plan");
    // The partition in which all records are: the empty ones of the months to come are read whole, rightly.
    let is_sqlite = database.url.starts_with("sqlite:");
    let plan = if is_sqlite { plan } else { plan.replace(&month_of_records(database), "audit_records") };
    assert!(indexes.iter().any(|index| plan.contains(index)), "{name} of {table}:\n{plan}");
    for table in ["roles", "relationships", "access_requests", "audit_records", "people", "person_name_parts"]
    {
        for scan in [format!("SCAN {table}"), format!("Seq Scan on {table} ")] {
            let is_scanned = plan.lines().any(|line| line.contains(&scan) && !line.contains("USING"));
            assert!(!is_scanned, "{name} reads {table} from end to end:\n{plan}");
        }
    }
}

fn month_of_records(database: &TestDatabase) -> String {
    let month = "SELECT DISTINCT tableoid::regclass::TEXT AS value FROM audit_records";
    sql::values(&database.url, month).pop().unwrap_or_else(|| "audit_records".to_owned())
}

#[rstest]
#[actix_web::test]
async fn every_promised_search_uses_its_index(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    assert_promised(&filled(backend)).await;
}

/// Every guaranteed search uses its index.
pub async fn assert_promised(database: &TestDatabase) {
    for (kind, query, indexes) in promised() {
        let compiled = statement(kind, &query);
        assert_uses_index(database, compiled, Visibility::Everything, (&query, indexes)).await;
    }
}

#[rstest]
#[actix_web::test]
async fn the_newest_roles_are_read_from_the_end_of_an_index(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = filled(backend);
    let query = statement("Consent", "_sort=-_lastUpdated");
    assert_uses_index(
        &database,
        query,
        Visibility::Everything,
        ("_sort=-_lastUpdated", &["roles_by_update"]),
    )
    .await;
}

#[rstest]
#[actix_web::test]
async fn citizen_scope_uses_an_index(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = filled(backend);
    let query = statement("Consent", "");
    let of_pair: &[&str] = &["roles_by_patient", "roles_proxy_patient_key", "sqlite_autoindex_roles_2"];
    assert_uses_index(
        &database,
        query,
        Visibility::Party { number: number("9990000100"), now: 0 },
        ("a citizen's roles", of_pair),
    )
    .await;
}

// covers S-31
#[actix_web::test]
async fn audit_search_requires_an_indexed_parameter() {
    let clock = Arc::new(SystemClock);
    for (query, is_taken) in [
        ("entity-role=24", false),
        ("entity-type=4", false),
        ("entity-type:missing=true&entity-role=6", false),
        ("entity-role=24&agent:identifier=app-1", true),
        ("entity-type=4&date=2026-11-22", true),
        ("entity-role=4&entity=Consent/1", true),
    ] {
        let statement = statement_of("AuditEvent", query, clock.clone(), sandbox_contract());
        assert_eq!(statement.is_some(), is_taken, "{query}");
    }
    let app = crate::support::TestApp::sandbox(Backend::Sqlite).await;
    let refused =
        crate::fhir::client::send(&app, crate::fhir::client::get("/AuditEvent?entity-role=24")).await;
    assert_eq!((refused.status, refused.json()["issue"][0]["code"].clone()), (400, "too-costly".into()));
}
