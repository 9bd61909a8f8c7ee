//! Authentication, authorization, OAuth.

mod access;
pub mod authorize;
mod journey;
mod launch_context;
mod log_in;
pub mod oauth;
mod secrets;
mod smart_kit;
mod story;
mod unauthenticated;
mod upstream;
