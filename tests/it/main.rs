//! Tests of the whole program: each that uses a database runs on SQLite and on PostgreSQL.

#![expect(unreachable_pub, reason = "a test binary exports nothing")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what fails here fails a test, also in a function that several tests share"
)]
#![expect(clippy::disallowed_methods, reason = "tests make names of their own and read where the server is")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at the variants that it is about")]
#![expect(clippy::needless_pass_by_value, reason = "a literal is handed over as it stands")]
#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a transaction's method is bound to one lifetime"
)]
#![expect(clippy::print_stdout, reason = "a measurement prints what it has measured")]
#![expect(clippy::format_push_string, clippy::format_collect, reason = "texts are short and few")]

mod account;
mod architecture;
mod audit;
mod cli;
mod conformance;
mod disclosure;
mod event;
mod examples;
mod fhir;
mod hard;
mod job;
mod migrations;
mod observe;
mod proxy;
mod registry_events;
mod robustness;
mod site;
mod store;
mod support;
mod vrs;
