//! Users, their identities and accounts, and what they gave to apps.

mod app;
mod grant;
mod once;
