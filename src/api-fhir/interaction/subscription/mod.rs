//! The operations on subscriptions, one per file: those of the Backport guide, and this server's own.

mod attempts;
mod binding;
mod events;
mod input;
mod resend;
mod secret;
mod status;

pub(crate) use attempts::attempts;
pub(crate) use binding::binding_token;
pub(crate) use events::events;
pub(crate) use resend::resend;
pub(crate) use secret::{rotate_secret, secret};
pub(crate) use status::status;
