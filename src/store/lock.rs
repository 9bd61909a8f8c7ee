//! Keeping others away until the transaction ends. On SQLite a write transaction has the whole database
//! to itself from its beginning; on PostgreSQL it takes what it asks for.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::error::Error;
use crate::store::Tx;
use crate::store::db::Db;
use crate::store::search::Table;

impl Tx<'_> {
    /// Keeps everybody else from changing a row, whether it is there or not.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn lock_row(&mut self, table: Table, id: &str) -> Result<(), Error> {
        if let Db::Postgres(connection) = self.db {
            let sql = format!("SELECT FROM {} WHERE {} = $1 FOR UPDATE", table.name(), table.id().name());
            diesel::sql_query(sql).bind::<Text, _>(id).execute(connection)?;
        }
        Ok(())
    }

    /// Lets one transaction at a time act on a condition, so that of two which find nothing and then
    /// create, the second finds what the first has made.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn lock_condition(&mut self, condition: &str) -> Result<(), Error> {
        if let Db::Postgres(connection) = self.db {
            diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind::<Text, _>(condition)
                .execute(connection)?;
        }
        Ok(())
    }
}
