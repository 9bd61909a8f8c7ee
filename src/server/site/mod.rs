//! The pages and documents of the server itself: `/`, `/about`, the documents of this version, the style sheet of every page,
//! and, in the sandbox, the tour.

mod about;
mod answer;
mod document;
mod tour;

use actix_web::web::{self, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use crate::composition::Composition;
use crate::nowhere::{nothing_here, root};
use ::web::page;

pub(super) use answer::Site;
pub use tour::TourApp;

pub(super) fn configure(config: &mut ServiceConfig, composition: &Composition, site: Site) {
    config
        .service(web::resource("/assets/{name}").route(web::get().to(style)))
        .service(web::resource("/assets/images/{name}").route(web::get().to(image)));
    both(config, "/about", move |request: HttpRequest| about::show(request, site));
    both(config, "/documents/{name}", document::show);
    if site.is_sandbox && site.issues_tokens {
        let parts = composition.clone();
        both(config, "/", move |request| tour::show(parts.clone(), request));
        both(config, "/tour/log-in/{app}/{person}", tour::log_in);
        both(config, "/tour/back/{app}", tour::back);
    } else {
        both(config, "/", root);
    }
}

/// GET and HEAD of a path.
fn both<F, Args>(config: &mut ServiceConfig, path: &str, handler: F)
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    config.route(path, web::get().to(handler.clone())).route(path, web::head().to(handler));
}

async fn style(request: HttpRequest, name: Path<String>) -> HttpResponse {
    match page::find_style(&name) {
        Some(style) => style,
        None => nothing_here(request).await,
    }
}

async fn image(request: HttpRequest, name: Path<String>) -> HttpResponse {
    match page::find_image(&name) {
        Some(image) => image,
        None => nothing_here(request).await,
    }
}
