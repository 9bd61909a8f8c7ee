//! Statistics by which the database's planner chooses among indexes.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::database::store::Store;
use crate::db::Db;
use base::error::Error;

/// Every table of the schema.
pub const ANALYZED_TABLES: [&str; 40] = [
    "access_request_versions",
    "access_requests",
    "access_segments",
    "account_users",
    "apps",
    "attempts",
    "audit_chains",
    "audit_records",
    "binding_tokens",
    "codes",
    "deliveries",
    "grants",
    "identities",
    "inbound_events",
    "jobs",
    "log_ins",
    "messages",
    "number_changes",
    "outbox",
    "people",
    "person_facts",
    "person_name_parts",
    "person_names",
    "pushed_requests",
    "refresh_tokens",
    "relationship_codes",
    "relationship_versions",
    "relationships",
    "role_milestones",
    "role_reminders",
    "role_uses",
    "role_versions",
    "roles",
    "seen_once",
    "settings",
    "subscription_events",
    "subscription_versions",
    "subscriptions",
    "unheard_events",
    "users",
];

/// The fewest rows of a table with statistics on SQLite. Its statistics hold the row count of their own time:
/// those of a table that was small would recommend a full scan when it has grown.
const FEWEST: i64 = 1000;
/// The rows of each index that SQLite samples (<https://sqlite.org/pragma.html#pragma_analysis_limit>): the
/// writer is held for milliseconds, whatever the number of rows.
const LIMIT: i64 = 400;

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Store {
    /// Refreshes the statistics of one table, outside a transaction. PostgreSQL reads a sample of the rows
    /// and blocks no write. Returns false for a table that SQLite plans better without.
    ///
    /// # Errors
    ///
    /// Database errors; past the time limit.
    pub fn refresh_statistics(&self, table: &'static str) -> Result<bool, Error> {
        let mut pooled = self.writer.pool.get().map_err(Error::busy)?;
        match &mut pooled.db {
            Db::Postgres(connection) => {
                connection.batch_execute(&format!("ANALYZE {table}"))?;
                Ok(true)
            }
            Db::Sqlite(connection) => self.writer.watch("statistics", || analyze(connection, table)),
        }
    }
}

fn analyze(connection: &mut SqliteConnection, table: &str) -> Result<bool, Error> {
    let some = format!("SELECT count(*) AS number FROM (SELECT 1 FROM {table} LIMIT {FEWEST})");
    let counted: Counted = diesel::sql_query(some).get_result(connection)?;
    if counted.number < FEWEST {
        return Ok(false);
    }
    connection.batch_execute(&format!("PRAGMA analysis_limit = {LIMIT}; ANALYZE {table};"))?;
    Ok(true)
}
