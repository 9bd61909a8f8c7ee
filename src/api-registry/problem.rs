//! Refusals as problem details (RFC 9457).

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use base::error::{Error, ErrorKind};
use base::json::JsonFault;
use service::authentication::AuthenticationError;
use web::body::BodyFault;
use web::error::{ApiError, HttpError};
use web::observe;

/// A refusal.
#[derive(Debug)]
pub(super) struct Problem {
    status: u16,
    code: &'static str,
    detail: String,
    challenge: Option<&'static str>,
    retry_after: Option<u64>,
}

impl Problem {
    fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), challenge: None, retry_after: None }
    }

    /// An attribute of the event is not valid.
    pub(super) fn wrong(attribute: &'static str, what: &str) -> Self {
        Self::new(400, "invalid", format!("{attribute} {what}"))
    }

    /// The body is not accepted JSON.
    pub(super) fn json(fault: JsonFault) -> Self {
        Self::new(400, "structure", fault.to_string())
    }

    /// The body is not an event.
    pub(super) fn media_type() -> Self {
        let message = "the Content-Type must be application/cloudevents+json, or application/json with ce- headers (binary mode)";
        Self::new(415, "not-supported", message)
    }

    /// Only POST is supported.
    pub(super) fn method() -> Self {
        Self::new(405, "not-supported", "use POST to send an event")
    }

    /// The caller may not send events.
    pub(super) fn forbidden() -> Self {
        Self::new(
            403,
            "forbidden",
            "the caller may not send events about people: the token needs the scope registry-events",
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if let Some(challenge) = self.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if self.status == 405 {
            response.insert_header((ALLOW, "POST"));
        }
        let title = self.status_code().canonical_reason().unwrap_or_default();
        let problem = json!({ "status": self.status, "title": title, "detail": self.detail });
        response.body(problem.to_string())
    }
}

impl HttpError for Problem {
    fn throttled(seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(429, "throttled", "too many requests: retry after the time in Retry-After")
        }
    }
}

impl ApiError for Problem {
    fn authentication_error(error: AuthenticationError) -> Self {
        let challenge = match error.code() {
            None => "Bearer realm=\"OnBehalf\"",
            Some(_) => "Bearer realm=\"OnBehalf\", error=\"invalid_token\"",
        };
        let message = "provide a valid access token: Authorization: Bearer <token>";
        Self { challenge: Some(challenge), ..Self::new(401, "login", message) }
    }

    fn code(&self) -> &'static str {
        self.code
    }
}

/// Faults of the service. The cause is logged here, once.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let kind = error.kind();
        if matches!(kind, ErrorKind::Fault | ErrorKind::Busy) {
            observe::log_failure(&error);
        }
        let retry_after = (kind == ErrorKind::Busy).then_some(1);
        let code = match kind {
            ErrorKind::Unauthenticated => "login",
            ErrorKind::Busy => "transient",
            ErrorKind::TooCostly => "too-costly",
            ErrorKind::Invalid
            | ErrorKind::Unprocessable
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::PreconditionFailed => "conflict",
            ErrorKind::Fault => "exception",
        };
        Self { retry_after, ..Self::new(kind.status(), code, error.message()) }
    }
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::new(413, "too-long", "the body is larger than this service accepts"),
            BodyFault::Encoded => {
                Self::new(415, "not-supported", "a body with a Content-Encoding is not accepted")
            }
            BodyFault::Incomplete => Self::new(400, "structure", "the body is incomplete"),
            BodyFault::Late => {
                Self::new(408, "timeout", "the request did not arrive within the time allowed")
            }
        }
    }
}
