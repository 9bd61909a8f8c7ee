//! The FHIR R4 front.

pub mod bodies;
mod bundle;
pub mod client;
mod concurrency;
mod content;
mod format;
mod general;
mod instance;
mod lapse;
mod operations;
mod patch;
mod search;
mod seen;
