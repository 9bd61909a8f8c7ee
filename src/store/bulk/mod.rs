//! Bulk operations: copies of the database, and roles in large batches.

mod copy;
mod roles;

pub use copy::{Copied, check_copy};
