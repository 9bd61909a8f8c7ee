//! Mapping of statement errors to errors for a caller.

use base::database::is_past_deadline;
use base::error::{Error, ErrorKind};
use diesel::result::Error as DieselError;

/// The error of a statement composed from a caller's request: past its deadline the request is too costly,
/// and the caller can ask for less. Any other statement is late because the service is busy.
pub(crate) fn of_search(source: DieselError) -> Error {
    if let DieselError::DatabaseError(_, detail) = &source
        && is_past_deadline(detail.message())
    {
        tracing::warn!("a search was cancelled: it exceeded the time limit of a statement");
        return Error::new(ErrorKind::TooCostly, TOO_SLOW).with_source(source);
    }
    source.into()
}

const TOO_SLOW: &str = "The search takes longer than this server lets one search take. Narrow it: fewer alternatives, chains or \
     includes, or more criteria.";

/// A stored value that no version of this program writes.
pub(crate) fn corrupt(what: &'static str) -> Error {
    Error::fault(format!("the store holds a value that is no {what}"))
}
