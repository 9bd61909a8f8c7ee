//! The Validated Relationships front, row by row of its contract.

mod access_request;
mod callers;
mod consent;
mod edit;
mod footprint;
mod gateway;
mod judged;
mod known;
mod operations;
mod patch;
mod related_person;
mod role;
mod told;
