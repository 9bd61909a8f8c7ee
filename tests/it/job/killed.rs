//! The process is killed during a job: the next one continues from there, and nothing is done twice.

use rstest::rstest;

use crate::cli::configuration;
use crate::store::query_plans::filled;
use crate::support::poll::poll;
use crate::support::{Backend, Folder, TestDatabase, sql};

/// How many roles have come to their end, of 5,000 that there are.
const LAPSED: i64 = 600;

fn count(database: &TestDatabase, of: &str) -> i64 {
    let counted = sql::values(&database.url, &format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {of}"));
    counted[0].parse().expect("a number")
}

fn inactive(database: &TestDatabase) -> i64 {
    count(database, "roles WHERE status = 'inactive'")
}

#[rstest]
fn work_of_a_killed_process_is_done_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (filled(backend), Folder::new());
    let lapsed = format!(
        "UPDATE roles SET end_text = '2021-01-01', end_at = 1609545599999
            WHERE id IN (SELECT id FROM roles ORDER BY id LIMIT {LAPSED})"
    );
    sql::execute(&database.url, &lapsed);
    let jobs = "[jobs]\npoll_seconds = 1\nbatch = 20\n";
    let config = folder.write("onbehalf.toml", &format!("{}{jobs}", configuration(&database.url)));
    let mut done = Vec::new();
    for _ in 0..2 {
        let before = inactive(&database);
        let mut server = folder.start(&["serve", "--config", &config]);
        server.address();
        poll("the job to begin", || (inactive(&database) > before).then_some(()));
        server.kill();
        done.push(inactive(&database));
        // Its lease runs out.
        sql::execute(&database.url, "UPDATE jobs SET lease_until = 0 WHERE lease_until IS NOT NULL");
    }
    assert!(done.iter().all(|done| (1..LAPSED).contains(done)), "it was not in the middle: {done:?}");
    let mut server = folder.start(&["serve", "--config", &config]);
    server.address();
    poll("the job to end", || (inactive(&database) == LAPSED).then_some(()));
    server.kill();
    for of in [
        "role_versions WHERE version = 2",
        "(SELECT DISTINCT subject FROM audit_records WHERE act = 'role-lapsed') AS subjects",
        "audit_records WHERE act = 'role-lapsed'",
        "(SELECT DISTINCT subject FROM outbox WHERE topic = 'proxy-role-changed') AS subjects",
        "outbox WHERE topic = 'proxy-role-changed'",
    ] {
        assert_eq!(count(&database, of), LAPSED, "{of}");
    }
}
