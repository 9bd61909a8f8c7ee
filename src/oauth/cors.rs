//! Browser apps of every origin may call these endpoints: no cookie is looked at here (LA-04, SM-01).

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue,
};
use actix_web::middleware::Next;

/// Answers preflights, and adds to every answer what a browser needs to show it.
pub(super) async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let asks_first =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks_first {
        let allowed = HttpResponse::NoContent()
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "authorization, dpop, content-type, accept"))
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"))
            .insert_header((ACCESS_CONTROL_MAX_AGE, "86400"))
            .finish();
        request.into_response(allowed)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("www-authenticate, retry-after"));
    Ok(response)
}
