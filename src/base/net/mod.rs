//! Outbound HTTP: which addresses may be called, how names become addresses, what is fetched within
//! limits, and what is kept of it.

pub mod address;
pub mod document;
pub mod fetch;
pub mod resolver;
