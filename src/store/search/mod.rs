//! Searches: a filter on tables and fields becomes one SQL statement.
//!
//! The APIs translate FHIR parameters to a [`Filter`] on [`Field`]s; here it is compiled, for either
//! database, together with the two clauses that no caller can leave out: only people in good standing appear,
//! and a citizen sees only what names them. Both are part of every subselect as well, so that a chain, a
//! `_has` or a total reveals nothing that is hidden. Subscriptions are found only by a filter that names
//! their owner.

mod compile;
mod fields;
pub(crate) mod filter;
pub(crate) mod normalize;
mod query;
mod reach;
mod record;
mod table;

use diesel::QueryableByName;
use diesel::RunQueryDsl as _;
use diesel::sql_types::{BigInt, Nullable, Text};

pub use fields::{
    AccessRequestField, AccountUserField, AuditField, Field, NamePartField, PersonField,
    RelationshipCodeField, RelationshipField, RoleField, SubscriptionField, UserField,
};
pub use filter::{Datum, Filter, Is, Select};

use crate::dialect::on_dialect;
use crate::error::of_search;
use crate::sql::Condition;
use crate::tx::Tx;
use base::error::Error;
use compile::Statement;
use domain::person::NhsNumber;
pub use query::{FoundVersion, HistoryQuery, PageQuery, Position, SortKey, Visibility};
pub use table::Table;

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Nullable<Text>)]
    k0: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    k1: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    k2: Option<String>,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = BigInt)]
    updated_at: i64,
}

/// The condition of a search, for a statement that reads the rows themselves: matching and visible.
///
/// # Errors
///
/// Where it exceeds the limits of a statement.
pub(crate) fn condition(table: Table, filter: &Filter, scope: Visibility) -> Result<Condition, Error> {
    let statement = Statement::condition(table, filter, scope);
    statement.check()?;
    Ok(Condition(statement.query()))
}

impl Tx<'_> {
    /// Runs a statement that was composed from a caller's request.
    fn find<T>(&mut self, statement: Statement) -> Result<Vec<T>, Error>
    where
        T: QueryableByName<diesel::pg::Pg> + QueryableByName<diesel::sqlite::Sqlite> + 'static,
    {
        self.check_budget()?;
        statement.check()?;
        if statement.reads_accesses {
            self.catch_up()?;
        }
        on_dialect!(self.db, c => statement.query().load(c)).map_err(of_search)
    }

    /// Finds one page of ids, in order: one statement.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn search(&mut self, query: &PageQuery, scope: Visibility) -> Result<Vec<Position>, Error> {
        let statement = Statement::page(query, scope);
        let keys = query.order.len();
        let rows: Vec<FoundRow> = self.find(statement)?;
        let position = |row: FoundRow| {
            let values = [row.k0, row.k1, row.k2].into_iter().take(keys);
            Position { values: values.map(Option::unwrap_or_default).collect(), id: row.id }
        };
        Ok(rows.into_iter().map(position).collect())
    }

    /// Whether the details of a person may be seen: one statement.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn may_see_person(&mut self, number: NhsNumber, scope: Visibility) -> Result<bool, Error> {
        let table = Table::People;
        let filter = Filter::text(table.id(), number.as_str());
        let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: 1 };
        Ok(!self.search(&query, scope)?.is_empty())
    }

    /// Counts the matches: one statement.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn count(&mut self, table: Table, filter: &Filter, scope: Visibility) -> Result<i64, Error> {
        let statement = Statement::count(table, filter, scope);
        let rows: Vec<CountRow> = self.find(statement)?;
        Ok(rows.first().map_or(0, |row| row.count))
    }

    /// Finds one page of versions, the newest first: one statement.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn search_history(
        &mut self,
        query: &HistoryQuery,
        scope: Visibility,
    ) -> Result<Vec<FoundVersion>, Error> {
        let statement = Statement::history(query, scope);
        let rows: Vec<VersionRow> = self.find(statement)?;
        let found =
            |row: VersionRow| FoundVersion { id: row.id, version: row.version, updated_at: row.updated_at };
        Ok(rows.into_iter().map(found).collect())
    }

    /// Of these versions, those that match in their own state, by id and version: one statement. `table` is
    /// that of the present rows, whose fields `versions` has as well.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_matching_versions(
        &mut self,
        table: Table,
        versions: Table,
        wanted: &[(String, i64)],
        filter: &Filter,
        scope: Visibility,
    ) -> Result<Vec<(String, i64)>, Error> {
        let statement = Statement::matching(table, versions, wanted, filter, scope);
        let rows: Vec<VersionRow> = self.find(statement)?;
        Ok(rows.into_iter().map(|row| (row.id, row.version)).collect())
    }

    /// Counts the versions of a history, on whichever page: one statement.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn count_history(&mut self, query: &HistoryQuery, scope: Visibility) -> Result<i64, Error> {
        let statement = Statement::history_count(query, scope);
        let rows: Vec<CountRow> = self.find(statement)?;
        Ok(rows.first().map_or(0, |row| row.count))
    }

    /// The database's plan of a search, in its own words, for tests and for the operator.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn explain(&mut self, query: &PageQuery, scope: Visibility) -> Result<String, Error> {
        let lines = Statement::page(query, scope).explain(self.db)?;
        Ok(lines.join("\n"))
    }
}
