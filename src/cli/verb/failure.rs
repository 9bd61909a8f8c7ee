//! Why a command failed, and the output of messages.

use std::io::Write as _;

use ::config::Faults;
use base::error::Error;

/// Why a command failed, in one or more sentences for the user.
pub(crate) enum CommandFailure {
    /// The settings are not valid.
    Settings(Faults),
    /// Anything else.
    Other(String),
}

impl std::fmt::Display for CommandFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Settings(Faults(faults)) => f.write_str(&faults.join("; ")),
            Self::Other(sentence) => f.write_str(sentence),
        }
    }
}

impl From<Faults> for CommandFailure {
    fn from(faults: Faults) -> Self {
        Self::Settings(faults)
    }
}

impl From<Error> for CommandFailure {
    fn from(error: Error) -> Self {
        let cause = error.cause();
        Self::Other(if cause.is_empty() {
            error.message().to_owned()
        } else {
            format!("{}: {cause}", error.message())
        })
    }
}

/// Prints a line. A closed pipe is no error.
pub(crate) fn say(line: &str) {
    let _closed = writeln!(std::io::stdout(), "{line}");
}

pub(crate) fn complain(line: &str) {
    let _closed = writeln!(std::io::stderr(), "onbehalf: {line}");
}
