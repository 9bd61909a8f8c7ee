//! The FHIR R4 API.

pub mod bodies;
pub mod bundle;
mod caps;
pub mod client;
mod concurrency;
mod content;
mod elements;
mod format;
mod general;
mod instance;
mod lapse;
mod operations;
mod patch;
mod references;
pub mod scopes;
pub mod search;
pub mod subscription;
mod validate;
pub mod visibility;
