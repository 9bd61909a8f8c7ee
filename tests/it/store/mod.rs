//! Guarantees of the store: no lost write, no silent overwrite, no full scan.

mod concurrency;
mod deadline;
mod durability;
mod fields;
mod group;
mod long;
mod prepared;
pub mod query_plans;
mod read_one;
mod tls;
