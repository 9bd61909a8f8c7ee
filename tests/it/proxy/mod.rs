//! The pure domain: every rule as a table.

mod role_change;
pub mod role_create;
mod role_state;
