//! What a database error means to a caller.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::{Error, Kind};

impl From<DieselError> for Error {
    fn from(source: DieselError) -> Self {
        let kind = match &source {
            DieselError::NotFound => Kind::NotFound,
            // SQLite names no constraint, so nothing may depend on which one it was.
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Kind::Conflict,
            DieselError::DatabaseError(
                DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ClosedConnection,
                _,
            ) => Kind::Busy,
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, detail)
                if is_passing(detail.message()) =>
            {
                Kind::Busy
            }
            _ => Kind::Fault,
        };
        match kind {
            Kind::NotFound => Self::new(kind, "there is no such thing").because(source),
            Kind::Conflict => Self::new(kind, "it exists already").because(source),
            Kind::Busy => Self::busy(source),
            _ => Self::fault(source),
        }
    }
}

/// Failures that neither driver gives a kind of its own, and that pass.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 6] = [
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
