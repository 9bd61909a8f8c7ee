//! The use cases of accounts, one per file.

mod link_identity;
mod log_in;

pub use link_identity::{LinkError, link_identity};
pub use log_in::{LogInError, LoggedIn, log_in};
