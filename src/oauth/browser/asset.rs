//! The style sheet of the pages. Its name holds its digest, so that a browser may keep it for ever.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Path;

use super::page::{Problem, STYLE, STYLE_NAME};

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
