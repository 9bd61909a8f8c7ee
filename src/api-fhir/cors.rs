//! Browsers of other origins (G-15), and the request's own id in its answer (G-14).

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderName,
    HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;

const ALLOWED_HEADERS: &str = "authorization, dpop, content-type, accept, prefer, if-match, if-none-match, \
     if-modified-since, if-none-exist, x-request-id, x-correlation-id";
const EXPOSED_HEADERS: &str =
    "etag, location, content-location, last-modified, www-authenticate, x-request-id, x-correlation-id";

/// Answers preflights, and adds to every answer what a browser needs to show it.
pub(super) async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let origin = request.headers().get(ORIGIN).cloned();
    let ids: Vec<(HeaderName, HeaderValue)> = ["x-request-id", "x-correlation-id"]
        .into_iter()
        .filter_map(|name| Some((HeaderName::from_static(name), request.headers().get(name)?.clone())))
        .collect();
    let asks_first = request.method() == Method::OPTIONS
        && origin.is_some()
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks_first {
        let allowed = HttpResponse::Ok()
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, PATCH"))
            .insert_header((ACCESS_CONTROL_MAX_AGE, "86400"))
            .finish();
        request.into_response(allowed)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    let headers = response.headers_mut();
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        headers.insert(VARY, HeaderValue::from_static("origin, accept, prefer"));
    }
    for (name, value) in ids {
        headers.insert(name, value);
    }
    Ok(response)
}
