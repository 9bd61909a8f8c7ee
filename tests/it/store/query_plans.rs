//! The searches find their rows by an index, however many there are.
//!
//! The store shows no SQL text, so the statements stand here as Diesel writes them for `Tx::list_roles`,
//! `Tx::list_verified_relationships` and `Tx::list_role_versions`: when those change, these must.

use diesel::prelude::*;
use diesel::sql_types::Text;
use rstest::rstest;

use crate::support::{Backend, TestDatabase, sql};

/// That both people of a row may appear in an answer.
fn both_are_current(table: &str) -> String {
    let current = |party: &str| {
        format!(
            "EXISTS (SELECT * FROM people WHERE people.nhs_number = {table}.{party} AND people.standing = 'current')"
        )
    };
    format!("{} AND {}", current("proxy"), current("patient"))
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// 6,000 people, and 5,000 roles and relationships: 500 proxies with 10 patients each.
pub fn filled(backend: Backend) -> TestDatabase {
    let database = TestDatabase::migrated(backend);
    let numbers = "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ";
    let proxy = "CAST(9990000000 + n / 10 AS TEXT)";
    let patient = "CAST(9990000500 + n AS TEXT)";
    let id = "'018f0000-0000-7000-8000-' || CAST(100000000000 + n AS TEXT)";
    sql::execute(
        &database.url,
        &format!(
            "INSERT INTO people (nhs_number, standing, practice, updated_at)
                {numbers} 5999) SELECT CAST(9990000000 + n AS TEXT), 'current', 'A20047', 0 FROM numbers;
            INSERT INTO roles (id, version, proxy, patient, status, reason_code, legal_basis, grantor,
                    start_text, start_at, created_text, created_from, created_to, updated_at)
                {numbers} 4999) SELECT {id}, 1, {proxy}, {patient}, 'active', 'ROLE_CREATED', 'consent', 'A20047',
                    '2020-01-01', 0, '2020-01-01', 0, 0, 0 FROM numbers;
            INSERT INTO role_versions SELECT * FROM roles;
            INSERT INTO relationships (id, version, proxy, patient, verified, active, updated_at)
                {numbers} 4999) SELECT {id}, 1, {proxy}, {patient}, {}, {0}, 0 FROM numbers;",
            if backend == Backend::Sqlite { "1" } else { "TRUE" },
        ),
    );
    if backend == Backend::Postgres {
        sql::execute(
            &database.url,
            "ANALYZE;
            CREATE FUNCTION plan_of(statement TEXT) RETURNS SETOF TEXT LANGUAGE plpgsql
            AS 'BEGIN RETURN QUERY EXECUTE ''EXPLAIN '' || statement; END';",
        );
    }
    database
}

fn plan(database: &TestDatabase, statement: &str) -> Vec<String> {
    match database.url.strip_prefix("sqlite:") {
        Some(path) => {
            let mut connection = sql::sqlite(path);
            let explain = diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}"));
            let steps: Vec<Step> = explain.load(&mut connection).expect("there is a plan");
            steps.into_iter().map(|step| step.detail).collect()
        }
        None => sql::values(&database.url, &format!("SELECT plan_of AS value FROM plan_of($${statement}$$)")),
    }
}

#[track_caller]
pub fn assert_reads_no_whole_table(database: &TestDatabase, table: &str, statement: &str) {
    let plan = plan(database, statement);
    let scans = [format!("SCAN {table}"), format!("Seq Scan on {table}")];
    let scanned = plan.iter().any(|step| scans.iter().any(|scan| step.contains(scan.as_str())));
    assert!(!scanned, "{table} is read from end to end: {statement}\n{}", plan.join("\n"));
}

const BY_PROXY: &str = "roles.proxy = '9990000100'";
const BY_PATIENT: &str = "roles.patient = '9990001505'";
const BY_PAIR: &str = "roles.proxy = '9990000100' AND roles.patient = '9990001505'";
const ACTIVE_BY_PROXY: &str = "roles.proxy = '9990000100' AND ((roles.status IN ('active')) AND NOT \
    ((roles.status = 'active' AND (roles.end_at IS NOT NULL AND roles.end_at < 1795348800000))))";
const INACTIVE_BY_PATIENT: &str = "roles.patient = '9990001505' AND (((roles.status IN ('inactive')) AND NOT \
    ((roles.status = 'active' AND (roles.end_at IS NOT NULL AND roles.end_at < 1795348800000)))) OR \
    (roles.status = 'active' AND (roles.end_at IS NOT NULL AND roles.end_at < 1795348800000)))";

fn list_roles(condition: &str) -> String {
    format!("SELECT roles.* FROM roles WHERE {} AND {condition} ORDER BY roles.id", both_are_current("roles"))
}

#[rstest]
fn a_search_for_roles_uses_an_index_of_roles(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = filled(backend);
    for condition in [BY_PROXY, BY_PATIENT, BY_PAIR, ACTIVE_BY_PROXY, INACTIVE_BY_PATIENT] {
        assert_reads_no_whole_table(&database, "roles", &list_roles(condition));
    }
}

#[rstest]
fn a_search_for_roles_does_not_read_the_whole_registry(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = filled(backend);
    for condition in [BY_PROXY, BY_PATIENT, BY_PAIR] {
        assert_reads_no_whole_table(&database, "people", &list_roles(condition));
    }
}

#[rstest]
fn a_search_for_relationships_uses_an_index(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = filled(backend);
    for condition in ["proxy = '9990000100'", "patient = '9990001505'"] {
        let truth = if backend == Backend::Sqlite { "1" } else { "TRUE" };
        let statement = format!(
            "SELECT * FROM relationships WHERE verified = {truth} AND active = {truth} AND {} AND {condition} \
             ORDER BY id",
            both_are_current("relationships")
        );
        assert_reads_no_whole_table(&database, "relationships", &statement);
    }
}

#[rstest]
fn the_history_of_a_role_is_found_by_an_index(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = filled(backend);
    let id = "018f0000-0000-7000-8000-100000000007";
    let history = format!("SELECT * FROM role_versions WHERE id = '{id}' ORDER BY version");
    assert_reads_no_whole_table(&database, "role_versions", &history);
    for (table, changes) in [("audit_records", " AND subject_version IS NOT NULL"), ("outbox", "")] {
        // So few rows are there that PostgreSQL would rightly read them all.
        if backend == Backend::Sqlite {
            let acts = format!("SELECT * FROM {table} WHERE subject = 'Consent/{id}'{changes}");
            assert_reads_no_whole_table(&database, table, &acts);
        }
    }
}

/// Most events were delivered long ago; finding the waiting ones costs nothing for them.
#[rstest]
fn unnumbered_events_use_a_partial_index(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = filled(backend);
    sql::execute(
        &database.url,
        "INSERT INTO outbox (id, occurred_at, topic, subject, subject_version, patient, proxy)
            SELECT id, 0, 'role-created', 'Consent/' || id, 1, patient, proxy FROM roles;
        ANALYZE;",
    );
    for statement in [
        "SELECT id FROM outbox WHERE position IS NOT NULL LIMIT 1",
        "SELECT id FROM outbox WHERE position IS NOT NULL ORDER BY position LIMIT 100",
        "SELECT COUNT(*), MIN(occurred_at) FROM outbox WHERE position IS NOT NULL",
        "SELECT COALESCE(MAX(position), 0) + 1 FROM outbox WHERE position IS NOT NULL",
    ] {
        let plan = plan(&database, statement).join("\n");
        assert!(plan.contains("outbox_waiting"), "{statement}\n{plan}");
    }
}

#[rstest]
fn roles_to_review_use_a_partial_index(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = filled(backend);
    let statement = format!(
        "SELECT id FROM roles WHERE {} AND (CASE WHEN needs_review THEN 'review-due' END) = 'review-due' ORDER BY id LIMIT 51",
        both_are_current("roles")
    );
    let plan = plan(&database, &statement).join("\n");
    assert!(plan.contains("roles_to_review"), "{plan}");
}
