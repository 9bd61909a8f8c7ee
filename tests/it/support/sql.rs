//! A look into a database past the store, by SQL.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::backend::open_store;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

/// The column `value`, a text, of every row. `NULL` is the empty text.
pub fn values(url: &str, sql: &str) -> Vec<String> {
    catch_up_for(url, sql);
    values_as_they_are(url, sql)
}

/// As [`values`], also of the audit record without what stands in the journal.
pub fn values_as_they_are(url: &str, sql: &str) -> Vec<String> {
    let rows: Vec<Row> = match url.strip_prefix("sqlite:") {
        Some(path) => diesel::sql_query(sql).load(&mut sqlite(path)),
        None => diesel::sql_query(sql).load(&mut postgres(url)),
    }
    .unwrap_or_else(|error| panic!("{error}: {sql}"));
    rows.into_iter().map(|row| row.value.unwrap_or_default()).collect()
}

/// The names of the tables, in order. The months of the audit record are parts of their table.
pub fn tables(url: &str) -> Vec<String> {
    let names = if url.starts_with("sqlite:") {
        "SELECT name AS value FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    } else {
        "SELECT relname::TEXT AS value FROM pg_class WHERE relnamespace = 'public'::regnamespace \
         AND relkind IN ('r', 'p') AND NOT relispartition"
    };
    let mut tables = values_as_they_are(url, names);
    tables.sort();
    tables
}

/// The first value as a number.
pub fn number(url: &str, sql: &str) -> i64 {
    values(url, sql).first().and_then(|value| value.parse().ok()).expect("a number")
}

/// Runs statements.
pub fn execute(url: &str, sql: &str) {
    catch_up_for(url, sql);
    match url.strip_prefix("sqlite:") {
        Some(path) => sqlite(path).batch_execute(sql),
        None => postgres(url).batch_execute(sql),
    }
    .unwrap_or_else(|error| panic!("{error}: {sql}"));
}

/// Has the accesses of the server's journal written to the audit record, as every reader of the product does before it reads.
pub fn catch_up(url: &str) {
    if url.strip_prefix("sqlite:").is_some_and(|path| Path::new(&format!("{path}-accesses")).exists()) {
        open_store(url, Duration::from_secs(20), None).catch_up_here().expect("the journal is indexed");
    }
}

fn catch_up_for(url: &str, sql: &str) {
    if sql.contains("audit_") {
        catch_up(url);
    }
}

/// A connection of the test's own to a SQLite database. It waits its turn: a server or a store that is being closed
/// locks the file while it writes the log back, and what does not wait then fails with "database is locked".
///
/// Tests open no other: `architecture` says so.
pub fn sqlite(path: &str) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path).expect("the file opens");
    connection.batch_execute("PRAGMA busy_timeout = 5000;").expect("a setting");
    connection
}

/// A connection of the test's own to a PostgreSQL database.
pub fn postgres(url: &str) -> PgConnection {
    PgConnection::establish(url).expect("the server answers")
}
