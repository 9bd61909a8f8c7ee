//! The error type that all crates share.
//!
//! [`Error::message`] is safe to show to the caller; the source is only logged, once, by the API that renders
//! the response. Pure modules keep small error types of their own.

use std::borrow::Cow;
use std::fmt;

/// The kind of a failure. Closed: every API maps every kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is malformed.
    Invalid,
    /// The request is well-formed and breaks a rule.
    Unprocessable,
    /// Unauthenticated.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// Not found, as far as the caller may know.
    NotFound,
    /// Conflict with an existing resource.
    Conflict,
    /// Conflict: the resource was changed concurrently.
    PreconditionFailed,
    /// The request is too costly: the caller can ask for less.
    TooCostly,
    /// The service is too busy, or its database is unavailable; a retry may succeed.
    Busy,
    /// A fault of the service.
    Fault,
}

impl ErrorKind {
    /// The HTTP status that answers this kind (RFC 9110).
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unprocessable | Self::TooCostly => 422,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::Busy => 503,
            Self::Fault => 500,
        }
    }
}

/// A failure: its kind, the message for the caller, and the cause for the log.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with a message for the caller.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// A fault of the service: `source` is not shown to the caller.
    pub fn fault(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Fault, "the service failed to answer").with_source(source)
    }

    /// A failure that a retry may mend.
    pub fn busy(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Busy, "the service is busy; try again").with_source(source)
    }

    /// A copy for a further waiting caller: its cause is kept as text.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let cause = self.cause();
        let duplicate = Self::new(self.kind, self.message.clone());
        if cause.is_empty() { duplicate } else { duplicate.with_source(cause) }
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The causes, outermost first, for the log and for the operator's terminal; empty without any.
    pub fn cause(&self) -> String {
        let mut text = String::new();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }

    /// The message for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| -> &(dyn std::error::Error + 'static) { source })
    }
}
