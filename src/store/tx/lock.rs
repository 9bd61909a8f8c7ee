//! Keeping others away until the transaction ends. On SQLite a write transaction has the whole database
//! to itself from its beginning; on PostgreSQL it takes what it asks for.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use crate::db::Db;
use crate::search::Table;
use crate::search::filter::Datum;
use crate::sql::Sql;
use crate::tx::transaction::Tx;
use base::error::Error;

impl Tx<'_> {
    /// Keeps everybody else from changing a row, whether it is there or not.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn lock_row(&mut self, table: Table, id: &str) -> Result<(), Error> {
        self.check_budget()?;
        if let Db::Postgres(connection) = self.db {
            let sql = format!("SELECT FROM {} WHERE {} = ? FOR UPDATE", table.name(), table.id().sql());
            Sql::composed(sql, vec![Datum::Text(id.to_owned())]).execute(connection)?;
        }
        Ok(())
    }

    /// Whether transactions take locks of single rows: on SQLite a write has the whole database.
    pub fn locks_rows(&self) -> bool {
        matches!(self.db, Db::Postgres(_))
    }

    /// As [`Tx::lock_row`], for many: in the order of tables and ids, which is the same in every transaction, so that
    /// two of them never each wait for the other. A statement for each table.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn lock_rows(&mut self, rows: &BTreeSet<(Table, String)>) -> Result<(), Error> {
        let Db::Postgres(connection) = self.db else { return Ok(()) };
        let mut tables: BTreeMap<Table, Vec<Datum>> = BTreeMap::new();
        for (table, id) in rows {
            tables.entry(*table).or_default().push(Datum::Text(id.clone()));
        }
        for (table, ids) in tables {
            let places = vec!["?"; ids.len()].join(", ");
            let id = table.id().sql();
            let sql =
                format!("SELECT FROM {} WHERE {id} IN ({places}) ORDER BY {id} FOR UPDATE", table.name());
            Sql::composed(sql, ids).execute(connection)?;
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
        self.check_budget()?;
        if let Db::Postgres(connection) = self.db {
            let lock = Sql::fixed("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))");
            lock.text(condition).execute(connection)?;
        }
        Ok(())
    }
}
