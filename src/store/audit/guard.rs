//! The database itself refuses to change a record. Its owner can take the guard away; the chain tells of it.

use diesel::connection::SimpleConnection as _;

use crate::error::Error;
use crate::store::db::Db;

const SQLITE: &str = "
    CREATE TRIGGER IF NOT EXISTS audit_records_keep BEFORE UPDATE ON audit_records
        BEGIN SELECT RAISE(ABORT, 'audit records are only ever added'); END;
    CREATE TRIGGER IF NOT EXISTS audit_records_stay BEFORE DELETE ON audit_records
        BEGIN SELECT RAISE(ABORT, 'audit records are only ever added'); END;";

const POSTGRES: &str = "
    CREATE OR REPLACE FUNCTION audit_records_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'audit records are only ever added'; END $$;
    CREATE OR REPLACE TRIGGER audit_records_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_records
        FOR EACH STATEMENT EXECUTE FUNCTION audit_records_refuse();";

/// Sets the guard, once the table is there.
pub(crate) fn guard(db: &mut Db) -> Result<(), Error> {
    match db {
        Db::Sqlite(connection) => connection.batch_execute(SQLITE)?,
        Db::Postgres(connection) => connection.batch_execute(POSTGRES)?,
    }
    Ok(())
}

/// Removes what a table that is gone leaves behind.
pub(crate) fn unguard(db: &mut Db) -> Result<(), Error> {
    if let Db::Postgres(connection) = db {
        connection.batch_execute("DROP FUNCTION IF EXISTS audit_records_refuse();")?;
    }
    Ok(())
}
