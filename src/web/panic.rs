//! Panics of request handlers.

use std::panic::AssertUnwindSafe;

use actix_web::ResponseError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use futures_util::FutureExt as _;

use base::error::Error;

/// Responds in the form of the API when a handler panics, instead of closing the connection.
///
/// # Errors
///
/// The API's form of [`ErrorKind::Fault`](base::error::ErrorKind), if the handler panicked.
pub async fn catch_panics<E: From<Error> + ResponseError + 'static>(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(result) => result.map(ServiceResponse::map_into_boxed_body),
        Err(_panic) => Err(E::from(Error::fault("a request handler panicked")).into()),
    }
}
