//! Pure types and rules: people, proxy roles, accounts and their grants, events, audit records. No I/O, no SQL, no HTTP.

pub mod account;
pub mod audit;
pub mod event;
pub mod nhs_systems;
pub mod person;
pub mod proxy;
