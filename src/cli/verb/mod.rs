//! What the commands share.

pub(crate) mod database;
pub(crate) mod failure;
pub(crate) mod output;
