//! The database itself refuses to change a record. Its owner can take the guard away; the chain tells of it.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::db::Db;
use crate::tx::Tx;
use base::error::Error;

/// `INSERT OR REPLACE` deletes the row in its way without a trigger (unless `recursive_triggers` is on, which each
/// connection chooses for itself), so an insert over an existing record is refused before that. FAIL and not ABORT: with
/// ABORT the database keeps a journal for every statement that inserts.
const SQLITE: &str = "
    CREATE TRIGGER IF NOT EXISTS audit_records_add BEFORE INSERT ON audit_records
        WHEN EXISTS (SELECT 1 FROM audit_records WHERE id = NEW.id)
            OR EXISTS (SELECT 1 FROM audit_records WHERE chain = NEW.chain AND sequence = NEW.sequence)
        BEGIN SELECT RAISE(FAIL, 'audit records are only ever added'); END;
    CREATE TRIGGER IF NOT EXISTS audit_records_keep BEFORE UPDATE ON audit_records
        BEGIN SELECT RAISE(ABORT, 'audit records are only ever added'); END;
    CREATE TRIGGER IF NOT EXISTS audit_records_stay BEFORE DELETE ON audit_records
        BEGIN SELECT RAISE(ABORT, 'audit records are only ever added'); END;";

const POSTGRES: &str = "
    CREATE OR REPLACE FUNCTION audit_records_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'audit records are only ever added'; END $$;";
/// The table and its partitions: the trigger of a statement is that of the table which the statement names.
const TABLES: &str = "SELECT relname::TEXT AS name FROM pg_class WHERE oid = 'audit_records'::regclass OR oid IN \
    (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_records'::regclass) ORDER BY 1";

/// Whether the guard is there.
const ON_SQLITE: &str = "SELECT count(*) = 3 AS is_set FROM sqlite_master WHERE type = 'trigger' AND tbl_name = \
    'audit_records' AND name IN ('audit_records_add', 'audit_records_keep', 'audit_records_stay')";
const ON_POSTGRES: &str = "SELECT NOT EXISTS (SELECT 1 FROM pg_class c WHERE (c.oid = 'audit_records'::regclass OR c.oid IN \
    (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_records'::regclass)) AND NOT EXISTS (SELECT 1 FROM pg_trigger \
    WHERE tgrelid = c.oid AND tgname = 'audit_records_keep' AND tgenabled = 'A')) AS is_set";

#[derive(QueryableByName)]
struct TableName {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct GuardRow {
    #[diesel(sql_type = Bool)]
    is_set: bool,
}

impl Tx<'_> {
    /// Whether the database refuses to change a record.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn is_audit_guarded(&mut self) -> Result<bool, Error> {
        let statement = if matches!(self.db, Db::Sqlite(_)) { ON_SQLITE } else { ON_POSTGRES };
        let row: GuardRow = diesel::sql_query(statement).get_result(self.db)?;
        Ok(row.is_set)
    }
}

/// Sets the guard, once the table is there.
pub(crate) fn guard(db: &mut Db) -> Result<(), Error> {
    match db {
        Db::Sqlite(connection) => connection.batch_execute(SQLITE)?,
        Db::Postgres(connection) => {
            connection.batch_execute(POSTGRES)?;
            let tables: Vec<TableName> = diesel::sql_query(TABLES).load(connection)?;
            for TableName { name } in tables {
                guard_month(connection, &name)?;
            }
        }
    }
    Ok(())
}

/// Sets the guard of one table. The trigger for UPDATE is also that of `INSERT … ON CONFLICT DO UPDATE` and of MERGE. COPY
/// inserts only, and the unique keys refuse what is there. ALWAYS: also in a session that has switched triggers off
/// (`session_replication_role`).
pub(super) fn guard_month(connection: &mut PgConnection, table: &str) -> Result<(), Error> {
    connection.batch_execute(&format!(
        "CREATE OR REPLACE TRIGGER audit_records_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} \
         FOR EACH STATEMENT EXECUTE FUNCTION audit_records_refuse(); \
         ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_records_keep;"
    ))?;
    Ok(())
}

/// Removes what a table that is gone leaves behind.
pub(crate) fn unguard(db: &mut Db) -> Result<(), Error> {
    if let Db::Postgres(connection) = db {
        connection.batch_execute("DROP FUNCTION IF EXISTS audit_records_refuse();")?;
    }
    Ok(())
}
