//! The database: its options, its transactions, and the turns of processes that write to it.

pub(crate) mod options;
pub(crate) mod store;
pub(crate) mod turn;
