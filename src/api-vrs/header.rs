//! The header rules of the contract (§1.3): the two ids, their echo, IM1, CORS.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap,
    HeaderName, HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse};

use crate::catalogue;
use crate::problem::Problem;
use web::observe::is_request_id;

/// The header that names a request; every operation needs it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header that names a chain of requests.
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
/// The header of GP systems' connections. Only its form is looked at (§8.2).
const IM1: HeaderName = HeaderName::from_static("x-im1-connection-params");

const ALLOWED_HEADERS: &str = "origin, x-requested-with, accept, content-type, authorization, \
     nhsd-session-urid, x-correlation-id, x-request-id";
const ALLOWED_METHODS: &str = "GET, PUT, POST, DELETE, PATCH";
const EXPOSED_HEADERS: &str = "location, x-correlation-id, x-request-id";

/// Checks both ids and returns the request's.
pub(crate) fn check_ids(request: &HttpRequest) -> Result<String, Problem> {
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

/// Checks the form of the IM1 header: two parts with a semicolon between.
pub(crate) fn check_im1(request: &HttpRequest) -> Result<(), Problem> {
    let Some(params) = request.headers().get(IM1) else { return Ok(()) };
    let parts = params.to_str().ok().and_then(|params| params.split_once(';'));
    match parts {
        Some((token, ods)) if !token.is_empty() && !ods.is_empty() && !ods.contains(';') => Ok(()),
        _ => {
            Err(catalogue::INVALID_VALUE.saying("The X-IM1-Connection-Params header must be TOKEN;ODS-CODE"))
        }
    }
}

/// Answers CORS preflights, and copies both ids to every answer. Their names' letter case is restored
/// where bytes are written: [`server`].
pub(crate) async fn cors_and_echo(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let echoed: Vec<(HeaderName, HeaderValue)> = [REQUEST_ID, CORRELATION_ID]
        .into_iter()
        .filter_map(|name| request.headers().get(&name).cloned().map(|value| (name, value)))
        .collect();
    let origin = request.headers().get(ORIGIN).cloned();
    let asks_first = request.method() == Method::OPTIONS
        && origin.is_some()
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let add = |headers: &mut HeaderMap| {
        if let Some(origin) = &origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
            headers.insert(VARY, HeaderValue::from_static("origin"));
        }
        for (name, value) in &echoed {
            headers.insert(name.clone(), value.clone());
        }
    };
    let result = if asks_first {
        let allowed = HttpResponse::Ok()
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS))
            .insert_header((ACCESS_CONTROL_MAX_AGE, "3628800"))
            .finish();
        Ok(request.into_response(allowed))
    } else {
        next.call(request).await.map(ServiceResponse::map_into_boxed_body)
    };
    match result {
        Ok(mut response) => {
            add(response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let mut response = error.error_response();
            add(response.headers_mut());
            Err(InternalError::from_response(error, response).into())
        }
    }
}
