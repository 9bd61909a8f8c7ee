//! Who may do what.

mod access;
mod authorize;
mod log_in;
mod oauth;
mod upstream;
