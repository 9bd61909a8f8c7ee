//! One transaction; on SQLite several writes that share one.

pub(crate) mod group;
mod lock;
mod run;
mod transaction;
mod write;

pub(crate) use run::{
    TransactionMode, begin, run, run_bare, run_bare_now, run_in_transaction, run_now, run_on,
};
pub(crate) use transaction::ExpectedGrant;
pub use transaction::{Budget, Tx};
pub(crate) use write::{Writer, run_again};
