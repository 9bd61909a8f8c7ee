//! The VRS API: the published national contract, exactly, at `/validated-relationships/FHIR/R4`, so that a
//! client of that service works here unchanged.
//!
//! `operation` has one file for each of the seven operations, `input` reads request bodies, `resource`
//! renders responses, `catalogue` has every error. Where published sources disagree, the settings of
//! `[contract]` decide.

mod catalogue;
mod failure;
mod gateway;
mod header;
mod health;
mod input;
mod operation;
mod problem;
mod query;
mod resource;
mod settings;
mod url;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};

use ::web::caller::Authenticated;
use ::web::cors::cors;
use ::web::panic::catch_panics;

pub use health::StatusKey;
pub use problem::Problem;
pub use settings::{BASE_PATH, VrsSettings};

/// Adds the routes of this API.
pub fn configure(config: &mut ServiceConfig) {
    let operations = web::scope("/FHIR/R4")
        .service(
            resource(&["/Consent", "/Consent/"])
                .get(operation::search_consent)
                .post(operation::create_consent)
                .build("GET, POST"),
        )
        .service(
            resource(&["/Consent/{id}"])
                .get(operation::read_consent)
                .patch(operation::patch_consent)
                .build("GET, PATCH"),
        )
        .service(
            resource(&["/RelatedPerson", "/RelatedPerson/"])
                .get(operation::search_related_person)
                .build("GET"),
        )
        .service(
            resource(&["/QuestionnaireResponse", "/QuestionnaireResponse/"])
                .post(operation::submit_questionnaire_response)
                .build("POST"),
        )
        .service(
            resource(&["/QuestionnaireResponse/{id}"])
                .get(operation::read_questionnaire_response)
                .build("GET"),
        )
        .default_service(web::to(unknown_path));
    let front = web::scope("/validated-relationships")
        .wrap(from_fn(catch_panics::<Problem>))
        .wrap(from_fn(cors::<Problem>))
        .service(health_resource("/_ping", health::ping))
        .service(health_resource("/_status", health::status))
        .service(operations)
        .default_service(web::to(unknown_path));
    config.service(front);
}

/// Health checks support GET and HEAD, without a token.
fn health_resource<F, Args>(path: &str, handler: F) -> actix_web::Resource
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    use actix_web::guard::{Any, Get, Head};
    let refuse =
        || async { Err::<HttpResponse, Problem>(catalogue::METHOD_NOT_ALLOWED.allowing("GET, HEAD")) };
    let read = web::route().guard(Any(Get()).or(Head())).to(handler);
    web::resource(path).route(read).default_service(web::to(refuse))
}

/// A resource under construction: its paths, and a handler for each method.
struct ResourceBuilder(actix_web::Resource);

fn resource(paths: &[&str]) -> ResourceBuilder {
    ResourceBuilder(web::resource(paths.iter().map(ToString::to_string).collect::<Vec<String>>()))
}

impl ResourceBuilder {
    fn get<F, Args>(self, handler: F) -> Self
    where
        F: actix_web::Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: actix_web::Responder + 'static,
    {
        self.on(Method::GET, handler)
    }

    fn post<F, Args>(self, handler: F) -> Self
    where
        F: actix_web::Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: actix_web::Responder + 'static,
    {
        self.on(Method::POST, handler)
    }

    fn patch<F, Args>(self, handler: F) -> Self
    where
        F: actix_web::Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: actix_web::Responder + 'static,
    {
        self.on(Method::PATCH, handler)
    }

    fn on<F, Args>(self, method: Method, handler: F) -> Self
    where
        F: actix_web::Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: actix_web::Responder + 'static,
    {
        Self(self.0.route(web::method(method).to(handler)))
    }

    /// Every other method is answered 405 with `Allow`, after authentication.
    fn build(self, allow: &'static str) -> actix_web::Resource {
        self.0.default_service(web::to(move |_caller: Authenticated<Problem>| async move {
            Err::<HttpResponse, Problem>(catalogue::METHOD_NOT_ALLOWED.allowing(allow))
        }))
    }
}

async fn unknown_path(_caller: Authenticated<Problem>) -> Result<HttpResponse, Problem> {
    Err(catalogue::INVALIDATED_RESOURCE)
}

/// The problem of an unknown path.
pub fn no_such_path() -> Problem {
    catalogue::INVALIDATED_RESOURCE
}

/// The OperationOutcome for a message that is not a valid HTTP request, or did not arrive in time.
pub fn outcome_of_bad_http(status: u16) -> String {
    let problem = match status {
        408 => catalogue::TIMEOUT,
        413 => catalogue::TOO_LARGE,
        414 => catalogue::BAD_REQUEST.saying("The URL of the request is too long."),
        431 => catalogue::BAD_REQUEST.saying("The head of the request is too large."),
        _ => catalogue::BAD_REQUEST.saying("The request is not valid HTTP/1.1."),
    };
    problem.outcome().to_string()
}
