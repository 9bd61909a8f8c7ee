//! Where no sender is configured: the log says that there was a message, and not for whom.

use crate::job::sender::letter::{Away, Letter, Refusal, Sender};

/// Sends nothing.
#[derive(Clone, Copy, Debug)]
pub struct LogSender;

impl Sender for LogSender {
    fn check(&self) -> Result<(), Away> {
        Ok(())
    }

    fn send(&self, letter: &Letter<'_>) -> Result<(), Refusal> {
        tracing::info!(subject = letter.subject, "a message was left; no sender is configured ([smtp])");
        Ok(())
    }
}
