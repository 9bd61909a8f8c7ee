//! The sender where none is configured: it logs that there was a message, without the recipient.

use crate::job::sender::email::{Away, OutgoingEmail, SendRefused, Sender};

/// Sends nothing.
#[derive(Clone, Copy, Debug)]
pub struct LogSender;

impl Sender for LogSender {
    fn check(&self) -> Result<(), Away> {
        Ok(())
    }

    fn send(&self, email: &OutgoingEmail<'_>) -> Result<(), SendRefused> {
        tracing::info!(subject = email.subject, "a message was not sent: no sender is configured ([smtp])");
        Ok(())
    }
}
