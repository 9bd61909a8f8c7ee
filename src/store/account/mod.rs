//! Users, their identities and accounts, and their grants to apps.

mod app;
mod grant;
mod identity;
mod log_in;
mod once;
mod person;
mod revocation;

pub use person::AccountUser;
