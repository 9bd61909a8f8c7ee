//! The front of the authorization server: what browsers see.

mod browser;

use actix_web::web::ServiceConfig;

/// The routes of this front.
pub fn configure(config: &mut ServiceConfig) {
    browser::configure(config);
}
