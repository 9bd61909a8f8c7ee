//! CORS: preflights, and the response headers that let apps of other origins read a response.

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;

use crate::request_id::Echo;

/// What an API allows apps of other origins.
#[derive(Clone, Copy, Debug)]
pub struct Cors {
    /// The allowed origins, and how a response states them.
    pub origins: Origins,
    /// The status of a preflight response.
    pub preflight: StatusCode,
    /// The headers that a request may have.
    pub allowed_headers: &'static str,
    /// The methods that it may have.
    pub allowed_methods: &'static str,
    /// The response headers that an app may read.
    pub exposed_headers: &'static str,
    /// How long a browser may cache a preflight response, in seconds.
    pub max_age: &'static str,
    /// Whether every response echoes the ids of its request.
    pub echoes_ids: bool,
}

/// The allowed origins: always every origin, because no API reads cookies.
#[derive(Clone, Copy, Debug)]
pub enum Origins {
    /// `*`, on every response.
    Any,
    /// The origin of the request, on responses to requests that have one.
    Echoed {
        /// The value of `Vary` on such a response.
        vary: &'static str,
    },
}

/// An API that apps of other origins may call.
pub trait Shared: 'static {
    /// Its CORS policy.
    const CORS: Cors;
}

/// Answers preflights, and adds CORS headers and the ids of the request to every response. An error of an
/// inner layer stays an error, so that the request log sees it.
///
/// # Errors
///
/// Those of the inner layers, with the headers.
pub async fn cors<A: Shared>(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let headers = request.headers();
    let echo = A::CORS.echoes_ids.then(|| Echo::of(headers));
    let origin = A::CORS.origin(headers);
    let is_preflight = request.method() == Method::OPTIONS
        && origin.is_some()
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let add = |headers: &mut HeaderMap| {
        if let Some(origin) = origin {
            A::CORS.add_to(headers, origin);
        }
        if let Some(echo) = echo {
            echo.add_to(headers);
        }
    };
    let result = if is_preflight {
        Ok(request.into_response(A::CORS.preflight()))
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

impl Cors {
    /// The value of `Access-Control-Allow-Origin` for a request with these headers; `None` where there is
    /// none.
    fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        match self.origins {
            Origins::Any => Some(HeaderValue::from_static("*")),
            Origins::Echoed { .. } => headers.get(ORIGIN).cloned(),
        }
    }

    fn preflight(&self) -> HttpResponse {
        HttpResponse::build(self.preflight)
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, self.allowed_headers))
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, self.allowed_methods))
            .insert_header((ACCESS_CONTROL_MAX_AGE, self.max_age))
            .finish()
    }

    fn add_to(&self, headers: &mut HeaderMap, origin: HeaderValue) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(self.exposed_headers));
        if let Origins::Echoed { vary } = self.origins {
            headers.insert(VARY, HeaderValue::from_static(vary));
        }
    }
}
