//! The pages of the authorization endpoint: a browser brings an app's request; the user logs in at a
//! provider, chooses for whom they act, approves, and returns to the app with a code.
//!
//! The pages need no script, and each change is a form with a token. A cookie binds a log-in to its browser;
//! a second log-in in the same browser replaces the first.

mod app;
mod approve;
mod asset;
mod authorize;
mod callback;
mod link;
mod log_in;
mod log_out;
mod page;
mod patient;
mod redirect;
mod request;
mod sentence;
mod visit;

use actix_web::HttpResponse;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};

use ::web::limit::limit_addresses;
use ::web::panic::catch_panics;

use page::Problem;

/// The routes of the pages.
pub(super) fn configure(config: &mut ServiceConfig) {
    let page = |path: &'static str| web::resource(path).wrap(from_fn(catch_panics::<Problem>));
    config
        .service(
            page("/oauth/authorize")
                .wrap(from_fn(limit_addresses::<Problem>))
                .route(web::get().to(authorize::by_get))
                .route(web::post().to(authorize::by_post))
                .default_service(web::to(other_method)),
        )
        .service(page("/oauth/log-in").route(web::get().to(log_in::show)))
        .service(
            page("/oauth/log-in/{provider}")
                .wrap(from_fn(limit_addresses::<Problem>))
                .route(web::get().to(log_in::depart)),
        )
        .service(page(log_in::LINK_PATH).route(web::get().to(link::show)))
        .service(
            page("/oauth/link/{provider}")
                .wrap(from_fn(limit_addresses::<Problem>))
                .route(web::get().to(link::depart)),
        )
        .service(
            page("/oauth/callback/{provider}")
                .wrap(from_fn(limit_addresses::<Problem>))
                .route(web::get().to(callback::arrive)),
        )
        .service(
            page("/oauth/patient")
                .route(web::get().to(patient::show))
                .route(web::post().to(patient::choose))
                .default_service(web::to(other_method)),
        )
        .service(
            page("/oauth/approve")
                .route(web::get().to(approve::show))
                .route(web::post().to(approve::decide))
                .default_service(web::to(other_method)),
        )
        .service(
            page(log_out::PATH)
                .wrap(from_fn(limit_addresses::<Problem>))
                .route(web::get().to(log_out::by_get))
                .route(web::post().to(log_out::by_post))
                .default_service(web::to(other_method)),
        )
        .service(
            page(log_out::CONFIRM)
                .wrap(from_fn(limit_addresses::<Problem>))
                .route(web::post().to(log_out::confirm)),
        )
        .service(page("/oauth/leave").route(web::post().to(approve::leave)))
        .service(web::resource("/assets/{name}").route(web::get().to(asset::style)))
        .service(web::resource("/assets/images/{name}").route(web::get().to(asset::image)));
}

async fn other_method() -> HttpResponse {
    let mut response = Problem::new(405, "This page does not accept this request").render();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    response
}
