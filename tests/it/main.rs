//! The tests of the whole: every one that touches a database runs on SQLite and on PostgreSQL.

#![expect(unreachable_pub, reason = "a test binary exports nothing")]

mod architecture;
mod cli;
mod migrations;
mod observe;
mod robustness;
mod store;
mod support;
mod vrs;
