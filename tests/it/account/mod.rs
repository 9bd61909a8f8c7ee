//! Who may do what.

mod access;
mod log_in;
mod upstream;
