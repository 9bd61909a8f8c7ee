//! One line per request.

use std::time::Instant;

use actix_web::HttpMessage as _;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::observe::metrics::Metrics;
use crate::request_id::{KnownAs, request_id};

/// The kind of caller that a request turned out to have; the request log reads it.
#[derive(Clone, Copy, Debug)]
pub struct CallerKind(pub &'static str);

/// The pattern of a route that the router does not know by itself.
#[derive(Clone, Debug)]
pub struct RoutePattern(pub String);

/// Logs method, route pattern, status, duration, request id and kind of caller.
pub async fn log_requests(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let mut request_id = request_id(request.headers()).unwrap_or_default().to_owned();
    let metrics = request.app_data::<Data<Metrics>>().cloned();
    let result = next.call(request).await;
    let (status, route, caller) = match &result {
        Ok(response) => {
            let request = response.request();
            if let Some(known) = request.extensions().get::<KnownAs>() {
                request_id.clone_from(&known.0);
            }
            let kind = request.extensions().get::<CallerKind>().map_or("unknown", |kind| kind.0);
            let known = request.extensions().get::<RoutePattern>().map(|route| route.0.clone());
            let route = known.or_else(|| request.match_pattern()).unwrap_or_default();
            (response.status().as_u16(), route, kind)
        }
        Err(error) => (error.as_response_error().status_code().as_u16(), String::new(), "unknown"),
    };
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    if let Some(metrics) = metrics {
        metrics.count_request(method.as_str(), &route, status, started.elapsed().as_secs_f64());
    }
    tracing::info!(%method, route, status, micros, request_id, caller, "request");
    result.map(ServiceResponse::map_into_boxed_body)
}
