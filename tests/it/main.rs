//! The tests of the whole: every one that touches a database runs on SQLite and on PostgreSQL.

#![expect(unreachable_pub, reason = "a test binary exports nothing")]

mod account;
mod examples;
mod fhir;
mod proxy;
mod support;
mod vrs;
