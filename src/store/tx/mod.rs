//! One transaction; on SQLite several writes that share one.

pub(crate) mod group;
mod lock;
mod run;
mod transaction;
mod write;

pub(crate) use run::{Mode, begin, carry_out, run, run_bare, run_bare_now, run_now, run_on};
pub use transaction::{Budget, Tx};
pub(crate) use write::{Writer, run_again};
