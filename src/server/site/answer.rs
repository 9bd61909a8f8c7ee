//! What the pages of the server share.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, VARY};
use askama::Template;

use ::web::observe::log_failure;
use ::web::page;
use base::error::Error;

/// What a server has, as its pages say.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    /// Whether it is the sandbox.
    pub(crate) is_sandbox: bool,
    /// Whether it issues tokens.
    pub(crate) issues_tokens: bool,
}

/// A page of this server. What it has depends on `Accept`.
pub(crate) fn render(page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => {
            let mut response = page::respond(StatusCode::OK, html, None);
            response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
            response
        }
        Err(error) => {
            log_failure(&Error::fault(error));
            HttpResponse::InternalServerError()
                .content_type("text/plain; charset=utf-8")
                .body("The page could not be made.\n")
        }
    }
}

/// 503: the database does not answer now.
pub(crate) fn failed(error: &Error) -> HttpResponse {
    log_failure(error);
    HttpResponse::ServiceUnavailable()
        .content_type("text/plain; charset=utf-8")
        .body("The service is busy. Try again.\n")
}
