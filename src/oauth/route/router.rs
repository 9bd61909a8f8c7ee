//! The routes of the endpoints, made of their rows.

use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

use super::openapi;
use super::row::{Kind, Row, allow, by_path, with_routes};
use super::table::ENDPOINTS;
use crate::problem::OAuthError;
use crate::refusal;
use ::web::cors::cors;
use ::web::limit::limit_addresses;
use ::web::panic::catch_panics;

/// Adds the endpoints, and their OpenAPI file.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let counted = |rows: &[Row]| rows.iter().any(|row| row.kind == Kind::Counted);
    let endpoints = by_path(ENDPOINTS).into_iter().map(|(path, rows)| (endpoint(&path, rows), counted(rows)));
    for (resource, is_counted) in endpoints.chain([(openapi::resource(), false)]) {
        let resource = resource
            .wrap(Condition::new(is_counted, from_fn(limit_addresses::<OAuthError>)))
            .wrap(from_fn(refusal::log_refusals))
            .wrap(from_fn(catch_panics::<OAuthError>))
            .wrap(from_fn(cors::<OAuthError>));
        config.service(resource);
    }
}

/// One endpoint: other methods are answered 405 with `Allow`.
fn endpoint(path: &str, rows: &'static [Row]) -> Resource {
    let refuse = move || async move { Err::<HttpResponse, _>(OAuthError::method(allow(rows))) };
    with_routes(web::resource(path).default_service(web::to(refuse)), rows)
}
