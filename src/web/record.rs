//! Record, then answer: no access is answered before it is on record. A change has its record in its own transaction.

use crate::error::ApiError;
use crate::gate::Gate;
use domain::audit::Access;

/// Writes the accesses of a request down; only then may the result be answered.
///
/// # Errors
///
/// Those of the result; [`ErrorKind::Busy`](base::error::ErrorKind) when the accesses cannot be written down. Where the request
/// failed by a fault of the service, that is the answer: the database is away for the record as well.
pub async fn answer<T, E: ApiError>(
    gate: &Gate,
    accesses: Vec<Access>,
    result: Result<T, E>,
) -> Result<T, E> {
    match (gate.record(accesses).await, result) {
        (Ok(()), result) => result,
        (Err(_), Err(refusal)) if refusal.status_code().is_server_error() => Err(refusal),
        (Err(error), _) => Err(error.into()),
    }
}
