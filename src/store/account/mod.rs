//! Users, their identities and accounts, and what they gave to apps.

mod grant;
mod identity;
mod once;
mod person;

pub use person::AccountUser;
