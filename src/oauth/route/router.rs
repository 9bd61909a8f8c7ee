//! The routes of the endpoints, made of their rows.

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

use super::openapi;
use super::row::{Kind, READ, Row, allow, by_path, with_routes};
use super::table::ENDPOINTS;
use crate::problem::OAuthError;
use crate::refusal;
use ::web::cors::cors;
use ::web::limit::limit_addresses;
use ::web::panic::catch_panics;

/// The OpenAPI file: a document that describes the others, so that it is not in itself.
static FILE: &[Row] = &[Row {
    id: None,
    kind: Kind::Document,
    methods: READ,
    path: &[openapi::PATH],
    content_types: &[],
    to: |route| route.to(openapi::file),
}];

/// Adds the endpoints, and their OpenAPI file.
pub(crate) fn configure(config: &mut ServiceConfig) {
    for (path, rows) in by_path(ENDPOINTS).into_iter().chain(by_path(FILE)) {
        let is_counted = rows.iter().any(|row| row.kind == Kind::Counted);
        let resource = endpoint(&path, rows);
        if is_counted {
            let resource = resource.wrap(from_fn(limit_addresses::<OAuthError>));
            let resource =
                resource.wrap(from_fn(refusal::log_refusals)).wrap(from_fn(catch_panics::<OAuthError>));
            config.service(resource.wrap(from_fn(cors::<OAuthError>)));
        } else {
            let resource =
                resource.wrap(from_fn(refusal::log_refusals)).wrap(from_fn(catch_panics::<OAuthError>));
            config.service(resource.wrap(from_fn(cors::<OAuthError>)));
        }
    }
}

/// One endpoint: other methods are answered 405 with `Allow`.
fn endpoint(path: &str, rows: &'static [Row]) -> Resource {
    let refuse = move || async move { Err::<HttpResponse, _>(OAuthError::method(allow(rows))) };
    with_routes(web::resource(path).default_service(web::to(refuse)), rows)
}
