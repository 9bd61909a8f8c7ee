//! What an error of the database means to a caller. It stands here, behind a feature that only the store turns on, because
//! Rust lets no other crate say how one foreign type becomes [`Error`].

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::{Error, Kind};

impl From<DieselError> for Error {
    fn from(source: DieselError) -> Self {
        if let DieselError::NotFound = source {
            return Self::new(Kind::NotFound, "there is no such thing").because(source);
        }
        let DieselError::DatabaseError(kind, detail) = &source else { return Self::fault(source) };
        // SQLite names no constraint, so nothing may depend on which one it was.
        if let DatabaseErrorKind::UniqueViolation = kind {
            return Self::new(Kind::Conflict, "it exists already").because(source);
        }
        let passes = matches!(
            kind,
            DatabaseErrorKind::SerializationFailure
                // What was the primary is a replica for now: somebody is moving it.
                | DatabaseErrorKind::ReadOnlyTransaction
                | DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
        );
        if passes || is_passing(detail.message()) || is_past_deadline(detail.message()) {
            Self::busy(source)
        } else {
            Self::fault(source)
        }
    }
}

/// The message of PostgreSQL, and that of SQLite for a statement that its progress handler has ended.
pub fn is_past_deadline(message: &str) -> bool {
    message.contains("statement timeout") || message == "interrupted"
}

/// Failures that neither driver gives a kind of its own, and that pass.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 8] = [
        "database or disk is full",
        "disk I/O error",
        "No space left on device",
        "database is locked",
        "deadlock detected",
        "the database system is",
        "terminating connection",
        "no connection to the server",
    ];
    PASSING.iter().any(|passing| message.contains(passing))
}
