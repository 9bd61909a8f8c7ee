//! The API of the authorization server: the pages for browsers (`browser`), and the endpoints for apps:
//! discovery, tokens, introspection, userinfo, registration.
//!
//! An app authenticates as a client (`client`), or presents a user's token. Refusals have OAuth's form
//! (`problem`).

mod browser;
mod client;
mod discovery;
mod form;
mod introspect;
mod launch;
mod par;
mod problem;
mod refusal;
mod register;
mod revoke;
mod state;
mod token;
mod trail;
mod userinfo;

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};

use ::web::cors::cors;
use ::web::limit::limit_addresses;
use ::web::panic::catch_panics;
use domain::account::endpoints;
use idp::Providers;
use problem::Problem;

pub use client::AppKeys;

/// External services of the authorization server: identity providers, and apps' keys.
#[derive(Clone)]
pub struct Federation {
    /// The identity providers.
    pub providers: Arc<Providers>,
    /// The keys that apps publish.
    pub app_keys: Arc<AppKeys>,
}

/// Adds the routes, for a server with an authorization server.
pub fn configure(config: &mut ServiceConfig, federation: Federation) {
    config.app_data(Data::from(federation.providers)).app_data(Data::from(federation.app_keys));
    let smart = format!("{}{}", endpoints::FHIR_BASE, endpoints::SMART_CONFIGURATION);
    for path in [smart.as_str(), endpoints::OPENID_CONFIGURATION, endpoints::OAUTH_METADATA] {
        let routes = [web::get().to(discovery::document), web::head().to(discovery::document)];
        serve(config, path, "GET, HEAD", routes);
    }
    for base in ["", endpoints::FHIR_BASE, endpoints::VRS_BASE] {
        let get = web::get().to(move |gate| discovery::protected_resource(gate, base));
        let head = web::head().to(move |gate| discovery::protected_resource(gate, base));
        let path = format!("{}{base}", endpoints::PROTECTED_RESOURCE);
        serve(config, &path, "GET, HEAD", [get, head]);
    }
    let keys = [web::get().to(discovery::keys), web::head().to(discovery::keys)];
    serve(config, endpoints::JWKS, "GET, HEAD", keys);
    let style = [web::get().to(discovery::style), web::head().to(discovery::style)];
    serve(config, endpoints::STYLE, "GET, HEAD", style);
    // Before authentication, addresses are counted. (At userinfo the app is counted, as at the other APIs.)
    let counted = |config: &mut ServiceConfig, path, route: Route| {
        let resource = endpoint(path, "POST", [route]).wrap(from_fn(limit_addresses::<Problem>));
        let resource = resource.wrap(from_fn(refusal::log_refusals)).wrap(from_fn(catch_panics::<Problem>));
        config.service(resource.wrap(from_fn(cors::<Problem>)));
    };
    counted(config, endpoints::TOKEN, web::post().to(token::token));
    counted(config, endpoints::INTROSPECT, web::post().to(introspect::introspect));
    counted(config, endpoints::REVOKE, web::post().to(revoke::revoke));
    counted(config, endpoints::PAR, web::post().to(par::push));
    counted(config, endpoints::REGISTER, web::post().to(register::register));
    let userinfo = [web::get().to(userinfo::userinfo), web::post().to(userinfo::userinfo)];
    serve(config, endpoints::USERINFO, "GET, POST", userinfo);
    browser::configure(config);
}

fn serve<const N: usize>(config: &mut ServiceConfig, path: &str, allow: &'static str, routes: [Route; N]) {
    let resource = endpoint(path, allow, routes).wrap(from_fn(refusal::log_refusals));
    let resource = resource.wrap(from_fn(catch_panics::<Problem>));
    config.service(resource.wrap(from_fn(cors::<Problem>)));
}

/// One endpoint: other methods are answered 405 with `Allow`.
fn endpoint<const N: usize>(path: &str, allow: &'static str, routes: [Route; N]) -> Resource {
    let refuse = move || async move { Err::<HttpResponse, _>(Problem::method(allow)) };
    let resource = web::resource(path).default_service(web::to(refuse));
    routes.into_iter().fold(resource, Resource::route)
}
