//! What every HTTP API shares: the state of the running service, bodies and their limits, credentials, the request log.

pub mod app;
pub mod body;
pub mod credentials;
pub mod observe;
