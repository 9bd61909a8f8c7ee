//! Outbound HTTP: which addresses may be called, name resolution, fetches within limits, and their cache.

pub mod address;
pub mod document;
pub mod fetch;
pub mod resolver;
