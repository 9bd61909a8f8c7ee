//! Users, their identities and accounts, and their grants to apps.

mod app;
mod grant;
mod identity;
mod log_in;
mod person;
mod revocation;
mod single_use;

pub use person::AccountUser;
