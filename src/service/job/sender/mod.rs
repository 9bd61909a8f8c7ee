//! Senders of messages to people. A further channel is a further [`Sender`].

mod email;
mod log;
mod smtp;

use std::sync::Arc;

use crate::job::settings::Smtp;

pub use email::{Away, OutgoingEmail, SendRefused, Sender};
pub use log::LogSender;
pub use smtp::SmtpSender;

/// The configured sender.
///
/// # Errors
///
/// A sentence for the operator where the settings cannot be used.
pub fn configured(smtp: Option<&Smtp>) -> Result<Arc<dyn Sender>, String> {
    Ok(match smtp {
        Some(smtp) => Arc::new(SmtpSender::new(smtp)?),
        None => Arc::new(LogSender),
    })
}
