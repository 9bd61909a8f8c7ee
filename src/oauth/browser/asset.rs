//! The style sheet of the pages, and its images. The name of the style sheet contains its digest, so that a
//! browser may cache it for ever; the images change only with the version of NHS.UK frontend.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Path;

use super::page::{Problem, STYLE, STYLE_NAME};

macro_rules! icon {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../assets/nhsuk-frontend/images/", $name)))
    };
}

/// The images of the style sheet.
const IMAGES: [(&str, &str); 4] = [
    icon!("nhsuk-icon-arrow-down.svg"),
    icon!("nhsuk-icon-arrow-up-down.svg"),
    icon!("nhsuk-icon-arrow-up.svg"),
    icon!("nhsuk-icon-cross.svg"),
];

pub(super) async fn style(name: Path<String>) -> HttpResponse {
    if *name != *STYLE_NAME {
        return Problem::new(404, "Page not found").render();
    }
    send("text/css; charset=utf-8", "public, max-age=31536000, immutable", STYLE)
}

pub(super) async fn image(name: Path<String>) -> HttpResponse {
    match IMAGES.iter().find(|(known, _)| known == name.as_ref()) {
        Some((_, image)) => send("image/svg+xml", "public, max-age=86400", image),
        None => Problem::new(404, "Page not found").render(),
    }
}

fn send(content_type: &'static str, cache: &'static str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CACHE_CONTROL, cache))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body)
}
