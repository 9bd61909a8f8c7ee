//! Refusals of this API in the shared steps: in the format that every client reads, with CORS headers.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::http::respond::{VARIES, refuse_plainly};
use crate::refusal::{Challenge, Refusal};
use fhir::outcome::{Issue, IssueType};
use service::authentication::AuthenticationError;
use web::cors::{Cors, Origins, Shared};
use web::error::{ApiError, HttpError};

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        refuse_plainly(self)
    }
}

impl HttpError for Refusal {
    fn throttled(seconds: u64) -> Self {
        let issue =
            Issue::error(IssueType::Throttled, "Too many requests. Retry after the time in Retry-After.");
        Self { retry_after: Some(seconds), ..Self::new(429, issue) }
    }
}

impl ApiError for Refusal {
    fn authentication_error(error: AuthenticationError) -> Self {
        let challenge = error.code().map(|error| Challenge { error, scope: None });
        let message = "Provide a valid access token: Authorization: Bearer <token>.";
        Self { challenge, ..Self::new(401, Issue::error(IssueType::Login, message)) }
    }

    fn code(&self) -> &'static str {
        self.issues.first().map_or("exception", |issue| issue.code.code())
    }
}

/// G-15; the response also has the request's own id (G-14).
impl Shared for Refusal {
    const CORS: Cors = Cors {
        origins: Origins::Echoed { vary: VARIES },
        preflight: StatusCode::OK,
        allowed_headers: "authorization, dpop, content-type, accept, prefer, if-match, if-none-match, \
            if-modified-since, if-unmodified-since, if-none-exist, x-request-id, x-correlation-id",
        allowed_methods: "GET, HEAD, POST, PUT, PATCH, DELETE",
        exposed_headers: "etag, location, content-location, last-modified, www-authenticate, x-request-id, \
            x-correlation-id",
        max_age: "86400",
        echoes_ids: true,
    };
}
