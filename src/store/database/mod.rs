//! The database: how it is opened, and what runs transactions on it.

pub(crate) mod options;
pub(crate) mod store;
