//! Outbound HTTP: which addresses may be called, how names become addresses, and what is fetched within limits.

pub mod address;
pub mod fetch;
pub mod resolver;
