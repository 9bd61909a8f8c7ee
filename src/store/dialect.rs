//! The few statements that the two databases, or Diesel's enum over them, do not share.

/// Runs the same Diesel expression on the concrete connection behind a [`Db`](crate::store::db::Db).
macro_rules! on_dialect {
    ($db:expr, $connection:ident => $statement:expr) => {
        match $db {
            $crate::store::db::Db::Postgres($connection) => $statement,
            $crate::store::db::Db::Sqlite($connection) => $statement,
        }
    };
}

/// Whether a text column has one of these values. SQLite prepares a list anew each time, which costs more than
/// running it; so there the short ones are written with a fixed number of places, the last value standing in those
/// that are left. PostgreSQL takes a list as one value.
macro_rules! among {
    ($db:expr, $table:ident . $column:ident, $values:expr) => {{
        type Condition = Box<
            dyn diesel::BoxableExpression<
                    $table::table,
                    <$crate::store::db::Db as diesel::Connection>::Backend,
                    SqlType = diesel::sql_types::Bool,
                >,
        >;
        let values: Vec<String> = $values.iter().map(ToString::to_string).collect();
        let condition: Condition = match (&*$db, values.as_slice()) {
            ($crate::store::db::Db::Sqlite(_), [one]) => Box::new($table::$column.eq(one.clone())),
            ($crate::store::db::Db::Sqlite(_), [first, .., last]) if values.len() <= 4 => {
                let at = |at: usize| values.get(at).unwrap_or(last).clone();
                let two = $table::$column.eq(first.clone()).or($table::$column.eq(at(1)));
                Box::new(two.or($table::$column.eq(at(2))).or($table::$column.eq(last.clone())))
            }
            _ => Box::new($table::$column.eq_any(values)),
        };
        condition
    }};
}

pub(crate) use among;
pub(crate) use on_dialect;
