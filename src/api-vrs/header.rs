//! The header rules of the contract (§1.3): the two ids, their echo, IM1, CORS.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;

use crate::catalogue;
use crate::problem::VrsError;
use web::cors::{Cors, Origins, Shared};
use web::request_id::{CORRELATION_ID, REQUEST_ID, is_request_id};

/// The header of GP systems' connections. Only its syntax is checked (§8.2).
const IM1: HeaderName = HeaderName::from_static("x-im1-connection-params");

/// Checks both ids and returns the request id.
pub(crate) fn check_ids(request: &HttpRequest) -> Result<String, VrsError> {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .ok_or_else(|| catalogue::MISSING_VALUE.saying("Unable to find the X-Request-ID header"))?;
    let invalid = |name| catalogue::INVALID_VALUE.saying(format!("The {name} header must be a valid UUID"));
    let id = id.to_str().ok().filter(|id| is_request_id(id)).ok_or_else(|| invalid("X-Request-ID"))?;
    if let Some(correlation) = request.headers().get(CORRELATION_ID) {
        let valid = correlation.to_str().is_ok_and(is_request_id);
        valid.then_some(()).ok_or_else(|| invalid("X-Correlation-ID"))?;
    }
    Ok(id.to_owned())
}

/// Checks the syntax of the IM1 header: two parts separated by a semicolon.
pub(crate) fn check_im1(request: &HttpRequest) -> Result<(), VrsError> {
    let Some(params) = request.headers().get(IM1) else { return Ok(()) };
    let parts = params.to_str().ok().and_then(|params| params.split_once(';'));
    match parts {
        Some((token, ods)) if !token.is_empty() && !ods.is_empty() && !ods.contains(';') => Ok(()),
        _ => {
            Err(catalogue::INVALID_VALUE.saying("The X-IM1-Connection-Params header must be TOKEN;ODS-CODE"))
        }
    }
}

impl Shared for VrsError {
    const CORS: Cors = Cors {
        origins: Origins::Echoed { vary: "origin" },
        preflight: StatusCode::OK,
        allowed_headers: "origin, x-requested-with, accept, content-type, authorization, nhsd-session-urid, \
            x-correlation-id, x-request-id",
        allowed_methods: "GET, PUT, POST, DELETE, PATCH",
        exposed_headers: "location, x-correlation-id, x-request-id",
        max_age: "3628800",
        echoes_ids: true,
    };
}
