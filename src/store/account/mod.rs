//! Users, their identities and accounts, and what they gave to apps.

mod grant;
mod log_in;
mod once;
mod user;
