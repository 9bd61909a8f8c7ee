//! Mapping of database errors to [`Error`]. It is here, behind a feature that only the store enables, because
//! Rust lets no other crate implement the conversion of one foreign type to another.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::{Error, ErrorKind};

impl From<DieselError> for Error {
    fn from(source: DieselError) -> Self {
        if let DieselError::NotFound = source {
            return Self::new(ErrorKind::NotFound, "there is no such thing").with_source(source);
        }
        let DieselError::DatabaseError(kind, detail) = &source else { return Self::fault(source) };
        // SQLite does not name the constraint, so no code may depend on which one it was.
        if let DatabaseErrorKind::UniqueViolation = kind {
            return Self::new(ErrorKind::Conflict, "it exists already").with_source(source);
        }
        let passes = matches!(
            kind,
            DatabaseErrorKind::SerializationFailure
                // The former primary is read-only for now: a failover is in progress.
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

/// The message of PostgreSQL for a statement past its time limit, and that of SQLite for one that its
/// progress handler has interrupted.
pub fn is_past_deadline(message: &str) -> bool {
    message.contains("statement timeout") || message == "interrupted"
}

/// Transient failures for which neither driver has an error kind.
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
