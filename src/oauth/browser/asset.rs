//! What the pages are drawn with, compiled in. The name of a file holds its digest, so that a browser may keep
//! it for ever.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Path;

use base::token::digest;

use super::page::Problem;

/// NHS.UK frontend, without its font faces: Frutiger is for whoever has a licence for it.
const STYLE: &str = include_str!("../../../assets/nhsuk-frontend/nhsuk-frontend-10.6.1.min.css");

static STYLE_NAME: LazyLock<String> =
    LazyLock::new(|| format!("nhsuk-frontend-{}.css", digest(STYLE).get(..16).unwrap_or_default()));

/// The URL of the style sheet.
pub(super) fn style_url() -> String {
    format!("/assets/{}", *STYLE_NAME)
}

pub(super) async fn send(name: Path<String>) -> HttpResponse {
    if *name != *STYLE_NAME {
        return Problem::new(404, "Page not found").render();
    }
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(STYLE)
}
