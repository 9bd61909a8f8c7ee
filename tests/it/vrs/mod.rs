//! The Validated Relationships API, row by row of its contract.

mod access_request;
pub mod callers;
mod consent;
mod edit;
mod expected_error;
pub mod footprint;
mod gateway;
pub mod known;
pub mod operations;
mod patch;
mod related_person;
mod role;
pub mod validated;
