//! What every crate may use: errors, the clock, ids, the limits of JSON, FHIR dates, secrets, threads for
//! large work, and the one policy for outbound HTTP. Nothing here is specific to the domain.

pub mod clock;
pub mod cpu_pool;
#[cfg(feature = "diesel")]
pub mod database;
pub mod date_time;
pub mod error;
pub mod held;
pub mod ids;
pub mod json;
pub mod net;
pub mod priority;
pub mod secret;
pub mod token;
pub mod uri;
