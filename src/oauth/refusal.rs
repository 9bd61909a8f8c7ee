//! One log line for each refusal of an endpoint that apps call: the app, the request, and the reason, which
//! the response does not always state. Never a token, a secret, or content of the request.

use std::sync::{Arc, OnceLock};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpRequest};

use crate::problem::OAuthError;
use ::web::error::ApiError as _;
use ::web::gate::Gate;
use ::web::request_id::{self, KnownAs, REQUEST_ID};
use ::web::state;
use base::ids;

/// The app of a request, once it was found. A `client_id` of no app is not kept: it could be anything.
#[derive(Clone, Default)]
struct AppOf(Arc<OnceLock<String>>);

/// Records the app of a request.
pub(crate) fn note_app(request: &HttpRequest, client_id: &str) {
    if let Some(app) = request.extensions().get::<AppOf>() {
        let _first_stays = app.0.set(client_id.to_owned());
    }
}

/// The id of a request: that of the client, or the one assigned here.
pub(crate) fn request_id(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<KnownAs>().map(|id| id.0.clone())
}

/// Logs an authorization request that is refused by a redirect to the app.
pub(crate) fn log_refusal(request: &HttpRequest, app: &str, why: (&str, &str)) {
    let endpoint = request.match_pattern().unwrap_or_default();
    log((app, request_id::request_id(request.headers()).unwrap_or_default(), &endpoint), why);
}

fn log((app, request_id, endpoint): (&str, &str, &str), (error, reason): (&str, &str)) {
    tracing::info!(app, request_id, endpoint, error, reason, "app request refused");
}

/// Assigns an id to a request without one, which the response has as `X-Request-ID`, and logs the reason of a
/// refusal.
///
/// # Errors
///
/// Those of the inner layers, with the header.
pub(crate) async fn log_refusals(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let gate = state::<Gate>(request.request()).map_err(OAuthError::from)?;
    let given = request_id::request_id(request.headers()).map(str::to_owned);
    let id = given.unwrap_or_else(|| ids::new_uuid(gate.clock.now()).to_string());
    let app = AppOf::default();
    request.extensions_mut().insert(KnownAs(id.clone()));
    request.extensions_mut().insert(app.clone());
    let endpoint = request.match_pattern().unwrap_or_default();
    let refused = |problem: Option<&OAuthError>| {
        if let Some(problem) = problem {
            let app = app.0.get().map_or("unknown", String::as_str);
            log((app, &id, &endpoint), (problem.code(), problem.reason()));
        }
    };
    let add = |headers: &mut HeaderMap| {
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, id);
        }
    };
    match next.call(request).await {
        Ok(mut response) => {
            refused(response.response().error().and_then(actix_web::Error::as_error));
            add(response.headers_mut());
            Ok(response.map_into_boxed_body())
        }
        Err(error) => {
            refused(error.as_error());
            let mut response = error.error_response();
            add(response.headers_mut());
            Err(InternalError::from_response(error, response).into())
        }
    }
}
