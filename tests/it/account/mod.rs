//! Who may do what.

mod access;
pub mod authorize;
mod log_in;
pub mod oauth;
mod story;
mod upstream;
