//! What a database error means to a caller.

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
        if passes || is_passing(detail.message()) { Self::busy(source) } else { Self::fault(source) }
    }
}

/// Failures that neither driver gives a kind of its own, and that pass.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 9] = [
        "database or disk is full",
        "disk I/O error",
        "No space left on device",
        "database is locked",
        "deadlock detected",
        "statement timeout",
        "the database system is",
        "terminating connection",
        "no connection to the server",
    ];
    PASSING.iter().any(|passing| message.contains(passing))
}

/// A stored value that no version of this program writes.
pub(crate) fn corrupt(what: &'static str) -> Error {
    Error::fault(format!("the store holds a value that is no {what}"))
}
