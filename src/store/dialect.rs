//! Statements that differ between the two databases, or in Diesel's enum over them.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Bool, HasSqlType, Text};
use serde_json::Value;

/// Runs the same Diesel expression on the concrete connection behind a [`Db`](crate::db::Db).
macro_rules! on_dialect {
    ($db:expr, $connection:ident => $statement:expr) => {
        match $db {
            $crate::db::Db::Postgres($connection) => $statement,
            $crate::db::Db::Sqlite($connection) => $statement,
        }
    };
}

/// Whether a column has one of these texts, or `numbers`. SQLite prepares a list again each time, which costs
/// more than running it; so there short lists have a fixed number of places, the rest filled with the last
/// value, and longer ones go as one JSON array. PostgreSQL takes a list as one value.
macro_rules! in_list {
    (@condition $table:ident) => {
        Box<
            dyn diesel::BoxableExpression<
                    $table::table,
                    <$crate::db::Db as diesel::Connection>::Backend,
                    SqlType = diesel::sql_types::Bool,
                >,
        >
    };
    ($db:expr, $table:ident . $column:ident, numbers $values:expr) => {{
        let condition: in_list!(@condition $table) = match &*$db {
            $crate::db::Db::Sqlite(_) => {
                Box::new($crate::dialect::InList::new($table::$column, &$values))
            }
            $crate::db::Db::Postgres(_) => Box::new($table::$column.eq_any($values)),
        };
        condition
    }};
    ($db:expr, $table:ident . $column:ident, $values:expr) => {{
        type Condition = in_list!(@condition $table);
        let values: Vec<String> = $values.iter().map(ToString::to_string).collect();
        let condition: Condition = match (&*$db, values.as_slice()) {
            ($crate::db::Db::Sqlite(_), [one]) => Box::new($table::$column.eq(one.clone())),
            ($crate::db::Db::Sqlite(_), [first, .., last]) if values.len() <= 4 => {
                let at = |at: usize| values.get(at).unwrap_or(last).clone();
                let two = $table::$column.eq(first.clone()).or($table::$column.eq(at(1)));
                Box::new(two.or($table::$column.eq(at(2))).or($table::$column.eq(last.clone())))
            }
            ($crate::db::Db::Sqlite(_), _) => {
                Box::new($crate::dialect::InList::new($table::$column, &values))
            }
            ($crate::db::Db::Postgres(_), _) => Box::new($table::$column.eq_any(values)),
        };
        condition
    }};
}

/// Whether a column has one of the values of a JSON array, on SQLite: one statement for any number of values.
#[derive(Clone, Debug)]
pub(crate) struct InList<C> {
    column: C,
    values: String,
}

impl<C> InList<C> {
    pub(crate) fn new<V: Clone + Into<Value>>(column: C, values: &[V]) -> Self {
        Self { column, values: Value::from(values).to_string() }
    }
}

impl<C> Expression for InList<C> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for InList<C> {}

impl<C: SelectableExpression<QS>, QS> SelectableExpression<QS> for InList<C> {}

impl<C> ValidGrouping<()> for InList<C> {
    type IsAggregate = is_aggregate::No;
}

impl<C: QueryId> QueryId for InList<C> {
    type QueryId = InList<C::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = C::HAS_STATIC_QUERY_ID;
}

impl<C, DB> QueryFragment<DB> for InList<C>
where
    C: QueryFragment<DB>,
    DB: Backend + HasSqlType<Text>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, String>(&self.values)?;
        out.push_sql("))");
        Ok(())
    }
}

pub(crate) use in_list;
pub(crate) use on_dialect;
