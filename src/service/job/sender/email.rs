//! A message for a person, and what sends it.

use std::fmt;

/// A message for a person. All of it is personal: it has no `Debug`.
#[derive(Clone, Copy)]
pub struct OutgoingEmail<'l> {
    /// Where it goes: an e-mail address.
    pub to: &'l str,
    /// Its subject.
    pub subject: &'l str,
    /// Its text, in plain words.
    pub text: &'l str,
}

/// Why a message did not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendRefused {
    /// It surely did not; later it may.
    Later,
    /// It surely did not, and never will.
    Never,
    /// It may have.
    Unknown,
}

/// The sender cannot take anything now.
#[derive(Debug, thiserror::Error)]
#[error("the sender of messages is away: {0}")]
pub struct Away(pub String);

/// Sends messages.
pub trait Sender: fmt::Debug + Send + Sync {
    /// Whether it can take messages now.
    ///
    /// # Errors
    ///
    /// [`Away`].
    fn check(&self) -> Result<(), Away>;

    /// Sends one message. When this returns `Ok`, the sender answers for it.
    ///
    /// # Errors
    ///
    /// [`SendRefused`].
    fn send(&self, letter: &OutgoingEmail<'_>) -> Result<(), SendRefused>;
}
