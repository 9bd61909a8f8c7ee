//! What the store promises: nothing is lost, nothing is overwritten unseen, nothing is read at length.

mod concurrency;
mod deadline;
mod durability;
mod fields;
mod group;
mod long;
pub mod query_plans;
mod read_one;
mod tls;
