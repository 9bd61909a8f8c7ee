//! A refusal in OAuth's form (RFC 6749 §5.2): `error` for programs, `error_description` for the app's
//! developers, never a token, a secret or personal data.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use base::error::{Error, ErrorKind};
use service::account::TokenError;
use service::authentication::AuthenticationError;
use web::body::BodyFault;
use web::cors::{Cors, Origins, Shared};
use web::error::{ApiError, HttpError};
use web::observe;

/// A refusal.
#[derive(Debug)]
pub(crate) struct OAuthError {
    status: u16,
    error: &'static str,
    description: &'static str,
    challenge: Option<String>,
    /// Boxed: a `Result` stays small.
    allow: Option<Box<str>>,
    retry_after: Option<u64>,
    reason: Option<Cow<'static, str>>,
}

impl OAuthError {
    /// A refusal with a status and an error code.
    pub(crate) const fn new(status: u16, error: &'static str, description: &'static str) -> Self {
        Self { status, error, description, challenge: None, allow: None, retry_after: None, reason: None }
    }

    /// 400 `invalid_request`.
    pub(crate) const fn invalid(description: &'static str) -> Self {
        Self::new(400, "invalid_request", description)
    }

    /// 401 `invalid_client`: the same description whether or not the app exists; the reason is for the log.
    pub(crate) fn client(reason: impl Into<Cow<'static, str>>) -> Self {
        let message = "client authentication failed";
        Self {
            challenge: Some("Basic realm=\"OnBehalf\"".to_owned()),
            ..Self::new(401, "invalid_client", message).with_reason(reason)
        }
    }

    /// With a reason that the log states and the response does not. It contains nothing of the request.
    pub(crate) fn with_reason(self, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// The reason for the log: the description, unless there is another.
    pub(crate) fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or(self.description)
    }

    /// 429: a client that sent too many wrong secrets must wait.
    pub(crate) fn locked(wait: Duration) -> Self {
        let message = "too many wrong secrets: retry after the time in Retry-After";
        Self { retry_after: Some(wait.as_secs() + 1), ..Self::new(429, "invalid_client", message) }
    }

    /// 405 with the allowed methods.
    pub(crate) fn method(allow: impl Into<Box<str>>) -> Self {
        Self {
            allow: Some(allow.into()),
            ..Self::new(405, "invalid_request", "the method is not allowed for this endpoint")
        }
    }

    /// A refusal at an endpoint that accepts access tokens (RFC 6750 §3.1); `error` only if the request had
    /// one.
    pub(crate) fn bearer(status: u16, scheme: &str, error: Option<&'static str>) -> Self {
        let attribute = error.map(|error| format!(", error=\"{error}\"")).unwrap_or_default();
        let message = match error {
            Some("insufficient_scope") => "the token lacks a scope",
            Some(_) | None => "send a valid access token in the Authorization header",
        };
        let challenge = Some(format!("{scheme} realm=\"OnBehalf\"{attribute}"));
        Self { challenge, ..Self::new(status, error.unwrap_or("invalid_token"), message) }
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.description)
    }
}

impl ResponseError for OAuthError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
        if let Some(challenge) = &self.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge.as_str()));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_ref()));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.json(json!({ "error": self.error, "error_description": self.description }))
    }
}

impl HttpError for OAuthError {
    fn throttled(seconds: u64) -> Self {
        let message = "too many requests: retry after the time in Retry-After";
        Self { retry_after: Some(seconds), ..Self::new(429, "temporarily_unavailable", message) }
    }
}

impl ApiError for OAuthError {
    fn authentication_error(error: AuthenticationError) -> Self {
        let problem = match &error {
            AuthenticationError::Unproved => Self::bearer(401, "DPoP", error.code()),
            AuthenticationError::InUrl => Self::bearer(400, "Bearer", error.code()),
            AuthenticationError::NoToken | AuthenticationError::Unknown | AuthenticationError::Bad(_) => {
                Self::bearer(401, "Bearer", error.code())
            }
        };
        problem.with_reason(error.to_string())
    }

    fn code(&self) -> &'static str {
        self.error
    }
}

/// No endpoint here reads cookies, so apps of every origin may call them (LA-04, SM-01).
impl Shared for OAuthError {
    const CORS: Cors = Cors {
        origins: Origins::Any,
        preflight: StatusCode::NO_CONTENT,
        allowed_headers: "authorization, dpop, content-type, accept, x-request-id",
        allowed_methods: "GET, HEAD, POST",
        exposed_headers: "www-authenticate, retry-after, x-request-id",
        max_age: "86400",
        echoes_ids: false,
    };
}

impl From<TokenError> for OAuthError {
    fn from(refusal: TokenError) -> Self {
        match refusal {
            TokenError::Invalid(message) => Self::invalid(message),
            TokenError::Grant(message) => Self::new(400, "invalid_grant", message),
            TokenError::Scope(message) => Self::new(400, "invalid_scope", message),
            TokenError::Lapsed(lapsed) => {
                Self::new(400, "invalid_grant", "the grant has ended").with_reason(lapsed.reason())
            }
            TokenError::Target(why) => {
                let message =
                    "the user may not act for this patient or by this role, or the request names neither";
                Self::new(400, "invalid_target", message).with_reason(why)
            }
            TokenError::Audience => {
                let message = "resource is not the base URL of an API of this server that was granted";
                Self::new(400, "invalid_target", message)
            }
            TokenError::Unauthorized => {
                Self::new(400, "unauthorized_client", "the app is not registered for this grant_type")
            }
            TokenError::Proof(message) => Self::new(400, "invalid_dpop_proof", message),
            TokenError::Store(error) => error.into(),
        }
    }
}

/// Faults of the service. The cause is logged here, once.
impl From<Error> for OAuthError {
    fn from(error: Error) -> Self {
        let kind = error.kind();
        if matches!(kind, ErrorKind::Fault | ErrorKind::Busy) {
            observe::log_failure(&error);
        }
        match kind {
            ErrorKind::Busy => {
                let message = "the service is busy: retry after the time in Retry-After";
                Self { retry_after: Some(1), ..Self::new(503, "temporarily_unavailable", message) }
            }
            ErrorKind::Fault => Self::new(500, "server_error", "the service failed to process the request"),
            ErrorKind::Unauthenticated => Self::bearer(401, "Bearer", Some("invalid_token")),
            // Two concurrent requests with the same code or token: the other one won.
            ErrorKind::Invalid
            | ErrorKind::Unprocessable
            | ErrorKind::TooCostly
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::PreconditionFailed => {
                Self::new(400, "invalid_grant", "a concurrent request was processed first")
            }
        }
    }
}

impl From<BodyFault> for OAuthError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => {
                Self::new(413, "invalid_request", "the body is larger than this service accepts")
            }
            BodyFault::Encoded => {
                Self::new(415, "invalid_request", "a body with a Content-Encoding is not accepted")
            }
            BodyFault::Incomplete => Self::invalid("the body is incomplete"),
            BodyFault::Late => {
                Self::new(408, "invalid_request", "the request did not arrive within the time allowed")
            }
        }
    }
}
