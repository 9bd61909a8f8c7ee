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

pub(crate) use on_dialect;
