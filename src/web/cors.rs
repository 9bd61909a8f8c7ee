//! Browser apps of other origins: preflights, and what a browser needs to show an answer to its app.

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

/// What an API allows browser apps of other origins.
#[derive(Clone, Copy, Debug)]
pub struct Cors {
    /// Which origins, and how the answer says so.
    pub origins: Origins,
    /// The status of a preflight's answer.
    pub preflight: StatusCode,
    /// The headers that a request may have.
    pub allowed_headers: &'static str,
    /// The methods that it may have.
    pub allowed_methods: &'static str,
    /// The headers of an answer that an app may read.
    pub exposed_headers: &'static str,
    /// For how long a browser may keep a preflight's answer, in seconds.
    pub max_age: &'static str,
    /// Whether every answer has the ids of its request.
    pub echoes_ids: bool,
}

/// The origins that are allowed: in each case every one, for no API looks at a cookie.
#[derive(Clone, Copy, Debug)]
pub enum Origins {
    /// `*`, on every answer.
    Any,
    /// The origin of the request, on the answers to requests that have one.
    Echoed {
        /// What else such an answer depends on: the header `Vary`.
        vary: &'static str,
    },
}

/// An API that browser apps of other origins may call.
pub trait Shared: 'static {
    /// What it allows them.
    const CORS: Cors;
}

/// Answers preflights, and adds to every answer what a browser needs to show it, and the ids of its request. A refusal of
/// the layers below stays one, so that the request log sees it as it is.
///
/// # Errors
///
/// Those of the layers below, with the headers.
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
    /// The origin that an answer to a request with these headers allows; `None` where it allows none.
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
