//! The database: its options, and its transactions.

pub(crate) mod options;
pub(crate) mod store;
