//! The routes of this API, made of the rows of [`crate::routes`].

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route, guard};

use crate::problem::VrsError;
use crate::routes::{Access, ROOT, ROUTES, Row};
use crate::{catalogue, openapi};
use ::web::caller::Authenticated;
use ::web::cors::cors;
use ::web::panic::catch_panics;

/// Adds the routes of this API, and its OpenAPI file.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let operations = resources(|row| matches!(row.access, Access::Operation(_)));
    let operations = operations.into_iter().fold(web::scope("/FHIR/R4"), actix_web::Scope::service);
    let api = web::scope(ROOT).wrap(from_fn(catch_panics::<VrsError>)).wrap(from_fn(cors::<VrsError>));
    let health = resources(|row| matches!(row.access, Access::Health));
    let api = health.into_iter().fold(api, actix_web::Scope::service);
    let api = api.service(operations.default_service(web::to(unknown_path)));
    config.service(api.default_service(web::to(unknown_path)));
    config
        .service(openapi::resource().wrap(from_fn(catch_panics::<VrsError>)).wrap(from_fn(cors::<VrsError>)));
}

/// The resources of some rows: one for each path, with the routes of its rows. Every other method is 405 with `Allow`, at an
/// operation after the token was looked at. A path of a type is also one with a slash at its end, as the national service has it.
fn resources(of: fn(&Row) -> bool) -> Vec<Resource> {
    let rows: Vec<&Row> = ROUTES.iter().filter(|row| of(row)).collect();
    let mut paths: Vec<&str> = rows.iter().map(|row| row.path).collect();
    paths.dedup();
    let resource = |path: &str| {
        let here = rows.iter().filter(|row| row.path == path);
        let allow: Vec<&str> = here.clone().flat_map(|row| row.methods).map(Method::as_str).collect();
        let allow = allow.join(", ");
        let needs_caller = here.clone().any(|row| matches!(row.access, Access::Operation(_)));
        let is_type = needs_caller && !path.ends_with('}');
        let paths = if is_type { vec![path.to_owned(), format!("{path}/")] } else { vec![path.to_owned()] };
        let resource = here.fold(web::resource(paths), |resource, row| on(resource, row.methods, row.to));
        if needs_caller {
            resource.default_service(web::to(move |_caller: Authenticated<VrsError>| refuse(allow.clone())))
        } else {
            resource.default_service(web::to(move || refuse(allow.clone())))
        }
    };
    paths.into_iter().map(resource).collect()
}

/// A resource with a route for these methods.
fn on(resource: Resource, methods: &'static [Method], to: impl FnOnce(Route) -> Route) -> Resource {
    let is_one = guard::fn_guard(move |context| methods.contains(&context.head().method));
    resource.route(to(web::route().guard(is_one)))
}

#[expect(clippy::unused_async, reason = "a handler is a future")]
async fn refuse(allow: String) -> Result<HttpResponse, VrsError> {
    Err(catalogue::METHOD_NOT_ALLOWED.allowing(allow))
}

async fn unknown_path(_caller: Authenticated<VrsError>) -> Result<HttpResponse, VrsError> {
    Err(catalogue::INVALIDATED_RESOURCE)
}
