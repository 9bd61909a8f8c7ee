//! The API of the authorization server: the pages for browsers (`browser`), and the endpoints for apps:
//! discovery, tokens, introspection, userinfo, registration.
//!
//! An app authenticates as a client (`client`), or presents a user's token. Refusals have OAuth's form
//! (`problem`).

mod audit;
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
mod route;
mod state;
mod token;
mod userinfo;

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};

use idp::Providers;

pub use client::AppKeys;

/// External services of the authorization server: identity providers, and apps' keys.
#[derive(Clone)]
pub struct Federation {
    /// The identity providers.
    pub providers: Arc<Providers>,
    /// The keys that apps publish.
    pub app_keys: Arc<AppKeys>,
}

/// The path of the OpenAPI file of these endpoints.
pub const OPENAPI_PATH: &str = route::openapi::PATH;

/// Adds the routes, for a server with an authorization server.
pub fn configure(config: &mut ServiceConfig, federation: Federation) {
    config.app_data(Data::from(federation.providers)).app_data(Data::from(federation.app_keys));
    route::router::configure(config);
    browser::configure(config);
}
