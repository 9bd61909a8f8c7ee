//! The FHIR R4 API (4.0.1), for any FHIR client, at `/FHIR/R4`.
//!
//! `routes` is the route table; `http` maps HTTP to requests and responses to HTTP; [`interaction`] has one
//! file for each interaction, which runs in a given transaction; [`resource`] one for each type; [`search`]
//! compiles parameters to filters, one file for each type of parameter; [`bundle`] runs batches and
//! transactions of requests.

mod audit;
mod authorize;
pub mod bulk;
mod bundle;
mod capability;
mod context;
mod http;
mod interaction;
pub mod notification;
mod refusal;
mod resource;
mod routes;
mod search;
mod url;
mod web_socket;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};

use ::web::cors::cors;
use ::web::panic::catch_panics;
use refusal::Refusal;

pub use bundle::BundleTurns;
pub use context::{BASE_PATH, FhirSettings};
pub use routes::every_route;
pub use search::statement_of;

/// Adds the routes of this API. One handler serves them all: the table in `routes` has the rest, and the
/// entries of a Bundle use the same table.
pub fn configure(config: &mut ServiceConfig) {
    let api = web::scope(BASE_PATH)
        .wrap(from_fn(catch_panics::<Refusal>))
        .wrap(from_fn(cors::<Refusal>))
        .route("/$subscription-ws", web::get().to(web_socket::open))
        .default_service(web::to(http::handle));
    config.service(api);
}
