//! Who may do what.

mod access;
