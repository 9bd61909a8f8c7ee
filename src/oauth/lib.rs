//! The front of the authorization server: the pages that browsers see (`browser`), and the endpoints that
//! apps call themselves: what there is, tokens, what they are worth, who has logged in, and registration.
//!
//! There are two ways in: an app proves itself (`client`), or shows a person's token. Refusals are told in
//! OAuth's own shape (`problem`).

mod browser;
mod client;
mod cors;
mod discovery;
mod form;
mod introspect;
mod limit;
mod par;
mod problem;
mod register;
mod revoke;
mod token;
mod trail;
mod userinfo;

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route};

use ::web::app::App;
use ::web::observe;
use base::error::Error;
use domain::account::endpoints;
use idp::Providers;
use problem::Problem;
use service::authority::Authority;

pub use client::AppKeys;

/// What the authorization server asks of others: people's identities, and apps' keys.
#[derive(Clone)]
pub struct Federation {
    /// The identity providers that people log in with.
    pub providers: Arc<Providers>,
    /// The keys that apps publish themselves.
    pub app_keys: Arc<AppKeys>,
}

/// Adds the routes. They are for a server that has an authority.
pub fn configure(config: &mut ServiceConfig, federation: Federation) {
    config.app_data(Data::from(federation.providers)).app_data(Data::from(federation.app_keys));
    let smart = format!("{}{}", endpoints::FHIR_BASE, endpoints::SMART_CONFIGURATION);
    for path in [smart.as_str(), endpoints::OPENID_CONFIGURATION, endpoints::OAUTH_METADATA] {
        let routes = [web::get().to(discovery::document), web::head().to(discovery::document)];
        serve(config, path, "GET, HEAD", routes);
    }
    let keys = [web::get().to(discovery::keys), web::head().to(discovery::keys)];
    serve(config, endpoints::JWKS, "GET, HEAD", keys);
    let style = [web::get().to(discovery::style), web::head().to(discovery::style)];
    serve(config, endpoints::STYLE, "GET, HEAD", style);
    serve(config, endpoints::TOKEN, "POST", [web::post().to(token::token)]);
    serve(config, endpoints::INTROSPECT, "POST", [web::post().to(introspect::introspect)]);
    serve(config, endpoints::REVOKE, "POST", [web::post().to(revoke::revoke)]);
    serve(config, endpoints::PAR, "POST", [web::post().to(par::push)]);
    serve(config, endpoints::REGISTER, "POST", [web::post().to(register::register)]);
    let userinfo = [web::get().to(userinfo::userinfo), web::post().to(userinfo::userinfo)];
    serve(config, endpoints::USERINFO, "GET, POST", userinfo);
    browser::configure(config);
}

/// One endpoint: other methods are told which there are.
fn serve<const N: usize>(config: &mut ServiceConfig, path: &str, allow: &'static str, routes: [Route; N]) {
    let refuse = move || async move { Err::<HttpResponse, _>(Problem::method(allow)) };
    let resource = web::resource(path).default_service(web::to(refuse));
    let resource = routes.into_iter().fold(resource, Resource::route);
    config.service(resource.wrap(from_fn(limited)).wrap(from_fn(panics)).wrap(from_fn(cors::cors)));
}

/// The authorization server: these routes exist only where there is one.
fn authority(app: &App) -> Result<&Authority, Problem> {
    app.authority.as_deref().ok_or_else(|| Error::fault("there is no authority").into())
}

/// The identity providers that people log in with.
fn providers(request: &HttpRequest) -> Result<Data<Providers>, Error> {
    request.app_data().cloned().ok_or_else(|| Error::fault("there are no providers"))
}

/// The keys that apps publish themselves.
fn app_keys(request: &HttpRequest) -> Result<Data<AppKeys>, Error> {
    request.app_data().cloned().ok_or_else(|| Error::fault("there are no keys of apps"))
}

/// The endpoints at which nobody is known yet. (Of userinfo the app is counted, as at the fronts.)
const COUNTED: [&str; 5] =
    [endpoints::TOKEN, endpoints::INTROSPECT, endpoints::REVOKE, endpoints::PAR, endpoints::REGISTER];

/// 429 for an address that asks too often.
async fn limited(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if COUNTED.contains(&request.path())
        && let Some(app) = request.app_data::<web::Data<App>>()
    {
        limit::count(app, request.request()).map_err(Problem::throttled)?;
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

async fn panics(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    observe::catch_panics(request, next, |fault| Problem::from(fault).into()).await
}
