//! The statistics of the query planner.

use std::sync::Arc;

use base::clock::SystemClock;
use base::error::Error;
use rstest::rstest;
use service::job::sender::LogSender;
use service::job::{Job, Runner};
use store::ANALYZED_TABLES;

use super::plans::assert_due_is_found;
use super::settings;
use crate::fhir::search::plans::{assert_promised, filled};
use crate::store::query_plans;
use crate::support::{Backend, TestDatabase, sql};

/// Runs the job, and gives how many tables it did and how many it skipped.
fn refresh(database: &TestDatabase) -> (i64, i64) {
    let store = database.open();
    let runner = Runner::new(store.clone(), Arc::new(SystemClock), settings(), Arc::new(LogSender));
    let job = Job::find("statistics").expect("there is one");
    assert!(runner.run_now(&job).expect("the database answers"));
    assert_eq!(store.long_writes(), 0);
    let jobs = store.read_here::<_, Error, _>(|tx| tx.list_jobs()).expect("an answer");
    let job = jobs.into_iter().find(|row| row.name == job.name).expect("it has run");
    (job.done, job.skipped)
}

/// The number of rows of a table, as the planner has it.
fn rows(database: &TestDatabase, backend: Backend, table: &str) -> Option<i64> {
    let query = match backend {
        Backend::Sqlite => {
            format!(
                "SELECT CAST(max(CAST(stat AS INTEGER)) AS TEXT) AS value FROM sqlite_stat1 WHERE tbl = '{table}' GROUP BY tbl"
            )
        }
        Backend::Postgres => {
            format!(
                "SELECT CAST(CAST(reltuples AS BIGINT) AS TEXT) AS value FROM pg_class WHERE relname = '{table}'"
            )
        }
    };
    sql::values(&database.url, &query).first().map(|rows| rows.parse().expect("a number"))
}

#[rstest]
#[actix_web::test]
async fn statistics_are_refreshed_and_every_promised_search_still_uses_its_index(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = filled(backend);
    let all = i64::try_from(ANALYZED_TABLES.len()).expect("a few");
    // On SQLite small tables have none.
    let done = if backend == Backend::Sqlite { 6 } else { all };
    assert_eq!(refresh(&database), (done, 0));
    let near = |rows: Option<i64>, real: i64| rows.is_some_and(|rows| (real / 2..=real * 2).contains(&rows));
    assert!(near(rows(&database, backend, "roles"), 5000), "{:?}", rows(&database, backend, "roles"));
    assert_promised(&database).await;
    // They follow the rows.
    sql::execute(&database.url, "DELETE FROM access_requests WHERE updated_at >= 1200;");
    refresh(&database);
    let left = rows(&database, backend, "access_requests");
    assert!(near(left, 1200), "{left:?}");
    assert_promised(&database).await;
    if backend == Backend::Sqlite {
        assert_eq!(rows(&database, backend, "grants"), None);
    }
}

#[rstest]
fn due_rows_use_an_index_with_statistics(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = query_plans::filled(backend);
    assert_eq!(refresh(&database).1, 0);
    assert_due_is_found(&database);
}

#[rstest]
fn the_statistics_of_every_table_are_refreshed(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::migrated(backend);
    let mut tables = sql::tables(&database.url);
    tables.retain(|table| table != "__diesel_schema_migrations");
    assert_eq!(tables, ANALYZED_TABLES);
    // Of empty tables SQLite has none: the plans of a small database are those without statistics.
    let done =
        if backend == Backend::Sqlite { 0 } else { i64::try_from(ANALYZED_TABLES.len()).expect("a few") };
    assert_eq!(refresh(&database), (done, 0));
}
