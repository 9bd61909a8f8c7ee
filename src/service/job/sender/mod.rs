//! How messages reach people. Another way than these is another [`Sender`].

mod email;
mod log;
mod smtp;

use std::sync::Arc;

use crate::job::settings::Smtp;

pub use email::{Away, OutgoingEmail, SendRefused, Sender};
pub use log::LogSender;
pub use smtp::SmtpSender;

/// The sender of the settings.
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
