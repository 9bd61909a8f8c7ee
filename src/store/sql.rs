//! Hand-written SQL with bound values.
//!
//! Diesel prepares such a statement again every time it runs, which costs more than running it. Here a
//! repeated text is prepared once for each connection. Texts that callers can vary without end, as those of
//! searches, would fill the memory of server and database that way: of those, only the first few hundred are
//! kept.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use diesel::backend::Backend;
use diesel::expression::{
    AppearsOnTable, Expression, SelectableExpression, TypedExpressionType, ValidGrouping, is_aggregate,
};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Nullable, SqlType, Text, Untyped};
use diesel::{Connection, QueryResult, RunQueryDsl};

use crate::search::filter::Datum;

/// The most composed texts that are kept prepared, and their greatest length, in bytes.
const KEPT: usize = 300;
const LONGEST: usize = 4000;

static COMPOSED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A statement. The placeholder is `?`, on both databases.
#[derive(Clone, Debug)]
pub(super) struct Sql {
    text: Cow<'static, str>,
    values: Vec<Bound>,
    is_kept: bool,
}

/// The value of a placeholder.
#[derive(Clone, Debug)]
enum Bound {
    Value(Datum),
    TextOrNull(Option<String>),
    NumberOrNull(Option<i64>),
}

impl Sql {
    /// A statement whose text is fixed in this program.
    pub(super) fn fixed(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), values: Vec::new(), is_kept: true }
    }

    /// A statement that was composed from a caller's request.
    pub(super) fn composed(text: String, values: Vec<Datum>) -> Self {
        let is_kept = is_kept(&text);
        let values = values.into_iter().map(Bound::Value).collect();
        Self { text: Cow::Owned(text), values, is_kept }
    }

    /// Binds a text to the next placeholder.
    pub(super) fn text(mut self, value: impl Into<String>) -> Self {
        self.values.push(Bound::Value(Datum::Text(value.into())));
        self
    }

    /// Binds a number to the next placeholder.
    pub(super) fn number(mut self, value: i64) -> Self {
        self.values.push(Bound::Value(Datum::Number(value)));
        self
    }

    /// Binds a truth value to the next placeholder.
    pub(super) fn truth(mut self, value: bool) -> Self {
        self.values.push(Bound::Value(Datum::Truth(value)));
        self
    }

    /// Binds a text, or null, to the next placeholder.
    pub(super) fn text_or_null(mut self, value: Option<String>) -> Self {
        self.values.push(Bound::TextOrNull(value));
        self
    }

    /// Binds a number, or null, to the next placeholder.
    pub(super) fn number_or_null(mut self, value: Option<i64>) -> Self {
        self.values.push(Bound::NumberOrNull(value));
        self
    }
}

fn is_kept(text: &str) -> bool {
    let mut composed = COMPOSED.lock().unwrap_or_else(PoisonError::into_inner);
    composed.contains(text)
        || (composed.len() < KEPT && text.len() <= LONGEST && composed.insert(text.to_owned()))
}

impl QueryId for Sql {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Sql {
    type SqlType = Untyped;
}

impl<C: Connection> RunQueryDsl<C> for Sql {}

impl<DB> QueryFragment<DB> for Sql
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Bool>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    bool: ToSql<Bool, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !self.is_kept {
            out.unsafe_to_cache_prepared();
        }
        let mut values = self.values.iter();
        for (number, part) in self.text.split('?').enumerate() {
            if number > 0 {
                match values.next() {
                    Some(Bound::Value(Datum::Text(text))) => out.push_bind_param::<Text, String>(text)?,
                    Some(Bound::Value(Datum::Number(number))) => {
                        out.push_bind_param::<BigInt, i64>(number)?;
                    }
                    Some(Bound::Value(Datum::Truth(truth))) => out.push_bind_param::<Bool, bool>(truth)?,
                    Some(Bound::TextOrNull(text)) => out.push_bind_param::<Nullable<Text>, _>(text)?,
                    Some(Bound::NumberOrNull(number)) => {
                        out.push_bind_param::<Nullable<BigInt>, _>(number)?;
                    }
                    // Left as it is, the database refuses it.
                    None => out.push_sql("?"),
                }
            }
            out.push_sql(part);
        }
        Ok(())
    }
}

/// SQL that is a condition of a statement of Diesel's. The calling code ensures that its columns exist there.
#[derive(Clone, Debug)]
pub(super) struct Condition(pub(super) Sql);

impl Expression for Condition {
    type SqlType = Bool;
}

impl<QS> AppearsOnTable<QS> for Condition {}

impl ValidGrouping<()> for Condition {
    type IsAggregate = is_aggregate::No;
}

impl QueryId for Condition {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for Condition
where
    Sql: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

/// A nullable text column made of SQL, such as a subselect, among the columns of a Diesel statement.
#[derive(Clone, Debug)]
pub(super) struct TextColumn(pub(super) Sql);

impl Expression for TextColumn {
    type SqlType = Nullable<Text>;
}

impl<QS> AppearsOnTable<QS> for TextColumn {}
impl<QS> SelectableExpression<QS> for TextColumn {}

impl ValidGrouping<()> for TextColumn {
    type IsAggregate = is_aggregate::No;
}

impl QueryId for TextColumn {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for TextColumn
where
    Sql: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

/// Columns of a statement of Diesel's as one text. Diesel writes each column of a list again whenever a statement runs that it
/// cannot know by its type, as those with a [`Condition`]: for a row of twenty columns that costs as much as a third of
/// SQLite's work. `ST` are the SQL types of the columns, in their order.
pub(super) struct ColumnList<ST> {
    text: &'static str,
    types: PhantomData<ST>,
}

impl<ST> ColumnList<ST> {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text, types: PhantomData }
    }
}

impl<ST: SqlType + TypedExpressionType> Expression for ColumnList<ST> {
    type SqlType = ST;
}

impl<ST, QS> AppearsOnTable<QS> for ColumnList<ST> where Self: Expression {}
impl<ST, QS> SelectableExpression<QS> for ColumnList<ST> where Self: Expression {}

impl<ST> ValidGrouping<()> for ColumnList<ST> {
    type IsAggregate = is_aggregate::No;
}

impl<ST> QueryId for ColumnList<ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST, DB: Backend> QueryFragment<DB> for ColumnList<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prepared_statement_cache_is_bounded() {
        let kept = (0..2 * KEPT).filter(|at| Sql::composed(format!("SELECT {at}"), Vec::new()).is_kept);
        assert!(kept.count() <= KEPT);
        assert!(!Sql::composed("x".repeat(LONGEST + 1), Vec::new()).is_kept);
        assert!(Sql::fixed("SELECT 1").is_kept);
    }
}
