//! The net under every handler.

use std::panic::AssertUnwindSafe;

use actix_web::ResponseError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use futures_util::FutureExt as _;

use base::error::Error;

/// Answers where a handler panics, in the form of the API, instead of closing the connection without a word.
///
/// # Errors
///
/// What the API makes of the fault, if the handler panicked.
pub async fn catch_panics<E: From<Error> + ResponseError + 'static>(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(result) => result.map(ServiceResponse::map_into_boxed_body),
        Err(_panic) => Err(E::from(Error::fault("a request handler panicked")).into()),
    }
}
