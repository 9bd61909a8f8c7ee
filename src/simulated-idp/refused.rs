//! Errors and responses in OAuth's form.

use std::fmt;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use serde_json::json;

/// An error in OAuth's form (RFC 6749 §5.2). NHS login answers 400 for every error of a token request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) description: &'static str,
}

impl Refused {
    pub(crate) const NOT_HERE: Self =
        Self { status: 404, error: "not_found", description: "unknown simulated provider or page" };
    pub(crate) const FAULT: Self = Self { status: 503, error: "server_error", description: "try again" };

    pub(crate) const fn new(error: &'static str, description: &'static str) -> Self {
        Self { status: 400, error, description }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description)
    }
}

impl actix_web::ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST)
    }

    fn error_response(&self) -> HttpResponse {
        let body = json!({ "error": self.error, "error_description": self.description });
        answer_json(self.status_code(), &body)
    }
}

/// A JSON response that must not be cached.
pub(crate) fn answer_json(status: StatusCode, body: &serde_json::Value) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((PRAGMA, "no-cache"))
        .content_type("application/json")
        .body(body.to_string())
}
