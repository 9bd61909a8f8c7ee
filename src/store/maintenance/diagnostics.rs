//! Diagnostics of the database, for `doctor`.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use crate::database::store::Store;
use crate::db::Db;
use crate::tx::Tx;
use base::date_time::from_millis;
use base::error::Error;

/// Diagnostics of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseDiagnostics {
    /// The name and version of the database.
    pub version: String,
    /// The database's clock.
    pub now: DateTime<Utc>,
    /// Whether answered commits survive a loss of power.
    pub is_durable: bool,
    /// The settings that decide it, as the database writes them.
    pub durability: String,
    /// The number of open connections and its limit; `None` where there is no server.
    pub connections: Option<(i64, i64)>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = BigInt)]
    now: i64,
    #[diesel(sql_type = Text)]
    durability: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    open: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    most: Option<i64>,
}

/// Both databases flush at every commit through settings of our own connection; a server that never flushes
/// ignores them.
const POSTGRES: &str = "SELECT 'PostgreSQL ' || current_setting('server_version') AS version, \
     CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now, \
     'fsync = ' || current_setting('fsync') || ', full_page_writes = ' || current_setting('full_page_writes') \
     || ', synchronous_commit = ' || current_setting('synchronous_commit') AS durability, \
     (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS open, \
     CAST(current_setting('max_connections') AS BIGINT) AS most";

const SQLITE: &str = "SELECT 'SQLite ' || sqlite_version() AS version, \
     CAST(unixepoch('now', 'subsec') * 1000 AS BIGINT) AS now, \
     'synchronous = ' || synchronous AS durability, NULL AS open, NULL AS most FROM pragma_synchronous";

impl Store {
    /// Reads the diagnostics. Begins a transaction that could write, and rolls it back.
    ///
    /// # Errors
    ///
    /// Database errors; where the database is read-only.
    pub fn diagnostics(&self) -> Result<DatabaseDiagnostics, Error> {
        let mut pooled = self.writer.pool.get().map_err(Error::busy)?;
        let row: Row = match &mut pooled.db {
            Db::Postgres(connection) => {
                // A standby, or a read-only server, refuses here.
                connection.batch_execute("BEGIN READ WRITE; ROLLBACK;")?;
                diesel::sql_query(POSTGRES).get_result(connection)?
            }
            Db::Sqlite(connection) => {
                connection.batch_execute("BEGIN IMMEDIATE; ROLLBACK;")?;
                diesel::sql_query(SQLITE).get_result(connection)?
            }
        };
        let is_durable = !row.durability.contains("= off") && !row.durability.contains("= 0");
        Ok(DatabaseDiagnostics {
            version: row.version,
            now: from_millis(row.now),
            is_durable,
            durability: row.durability,
            connections: row.open.zip(row.most),
        })
    }
}

#[derive(QueryableByName)]
struct ChainRow {
    #[diesel(sql_type = BigInt)]
    chain: i64,
}

#[derive(QueryableByName)]
struct WipedRow {
    #[diesel(sql_type = Bool)]
    is_wiped: bool,
}

impl Tx<'_> {
    /// The chains of the audit record whose last record is missing, differs, or has a successor. It checks
    /// the ends only: [`Tx::verify_audit`] reads the whole.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_loose_heads(&mut self) -> Result<Vec<i64>, Error> {
        let rows: Vec<ChainRow> = diesel::sql_query(
            "SELECT c.chain FROM audit_chains c WHERE (c.sequence > 0 AND NOT EXISTS (SELECT 1 FROM \
             audit_records r WHERE r.chain = c.chain AND r.sequence = c.sequence AND r.hash = c.hash)) OR \
             EXISTS (SELECT 1 FROM audit_records r WHERE r.chain = c.chain AND r.sequence = c.sequence + 1) \
             ORDER BY c.chain",
        )
        .load(self.db)?;
        Ok(rows.into_iter().map(|row| row.chain).collect())
    }

    /// Whether there are roles without a single audit record.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn is_audit_wiped(&mut self) -> Result<bool, Error> {
        let row: WipedRow = diesel::sql_query(
            "SELECT EXISTS (SELECT 1 FROM roles) AND NOT EXISTS (SELECT 1 FROM audit_records) AS is_wiped",
        )
        .get_result(self.db)?;
        Ok(row.is_wiped)
    }
}
