//! Messages to people, and the interface that sends them.

use std::fmt;

/// A message to a person. All of it is personal: it has no `Debug`.
#[derive(Clone, Copy)]
pub struct OutgoingEmail<'l> {
    /// The recipient's e-mail address.
    pub to: &'l str,
    /// Its subject.
    pub subject: &'l str,
    /// Its plain text.
    pub text: &'l str,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendRefused {
    /// It was certainly not sent; a retry may succeed.
    Later,
    /// It was certainly not sent, and a retry cannot succeed.
    Never,
    /// It may have been sent.
    Unknown,
}

/// The sender is unavailable.
#[derive(Debug, thiserror::Error)]
#[error("the sender of messages is unavailable: {0}")]
pub struct Away(pub String);

/// Sends messages.
pub trait Sender: fmt::Debug + Send + Sync {
    /// Whether it can take messages now.
    ///
    /// # Errors
    ///
    /// [`Away`].
    fn check(&self) -> Result<(), Away>;

    /// Sends one message. After `Ok`, the sender is responsible for it.
    ///
    /// # Errors
    ///
    /// [`SendRefused`].
    fn send(&self, email: &OutgoingEmail<'_>) -> Result<(), SendRefused>;
}
