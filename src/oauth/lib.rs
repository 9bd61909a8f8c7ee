//! The front of the authorization server: the pages that browsers see (`browser`), and the endpoints that
//! apps call themselves: what there is, tokens, what they are worth, who has logged in, and registration.
//!
//! There are two ways in: an app proves itself (`client`), or shows a person's token. Refusals are told in
//! OAuth's own shape (`problem`).

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
mod trail;
mod userinfo;

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};

use idp::Providers;

pub use client::AppKeys;

/// What the authorization server asks of others: people's identities, and apps' keys.
#[derive(Clone)]
pub struct Federation {
    /// The identity providers that people log in with.
    pub providers: Arc<Providers>,
    /// The keys that apps publish themselves.
    pub app_keys: Arc<AppKeys>,
}

/// Where the OpenAPI file of these endpoints is.
pub const OPENAPI_PATH: &str = route::openapi::PATH;

/// Adds the routes. They are for a server that has an authority.
pub fn configure(config: &mut ServiceConfig, federation: Federation) {
    config.app_data(Data::from(federation.providers)).app_data(Data::from(federation.app_keys));
    route::router::configure(config);
    browser::configure(config);
}
