//! The VRS API: the published national contract, exactly, at `/validated-relationships/FHIR/R4`, so that a
//! client of that service works here unchanged.
//!
//! `routes` is the table of routes; `operation` has one file for each of the seven operations, `input` reads request
//! bodies, `resource` renders responses, `catalogue` has every error. Where published sources disagree, the settings of
//! `[contract]` decide.

mod catalogue;
mod failure;
mod gateway;
mod header;
mod health;
mod input;
mod openapi;
mod operation;
mod problem;
mod query;
mod resource;
mod router;
mod routes;
mod settings;
mod url;

use actix_web::web::ServiceConfig;

pub use health::StatusKey;
pub use problem::VrsError;
pub use settings::{BASE_PATH, VrsSettings};

/// The path of the OpenAPI file of this API.
pub const OPENAPI_PATH: &str = openapi::PATH;

/// Adds the routes of this API.
pub fn configure(config: &mut ServiceConfig) {
    router::configure(config);
}

/// The problem of an unknown path.
pub fn no_such_path() -> VrsError {
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
