//! Much at a time: copies of the database, and roles by the thousand.

mod copy;
mod roles;

pub use copy::{Copied, check_copy};
