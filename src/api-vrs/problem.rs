//! An error of the contract (§2.1): one issue, with a code of the national code system.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value, json};

use crate::url;

/// An error of this API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VrsError {
    status: u16,
    pub(crate) code: &'static str,
    issue: &'static str,
    display: &'static str,
    diagnostics: &'static str,
    system: System,
    extra: Option<Box<Extra>>,
}

/// Additions to the entry in the catalogue. Boxed, so that a `Result` stays small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extra {
    diagnostics: Option<Cow<'static, str>>,
    expression: Option<Cow<'static, str>>,
    header: Option<Header>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    ValidatedRelationships,
    Spine,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Header {
    Allow(Cow<'static, str>),
    RetryAfter(u64),
    TakesNoEncoding,
}

impl VrsError {
    /// A problem with the texts of the catalogue.
    pub(crate) const fn new(
        status: u16,
        code: &'static str,
        issue: &'static str,
        display: &'static str,
        diagnostics: &'static str,
    ) -> Self {
        let system = System::ValidatedRelationships;
        Self { status, code, issue, display, diagnostics, system, extra: None }
    }

    /// The same with the error system of the older service, as in §2.1 for one operation.
    pub(crate) const fn in_spine_system(mut self) -> Self {
        self.system = System::Spine;
        self
    }

    /// The same with another status, for the contract's switches.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with other diagnostics.
    pub(crate) fn saying(mut self, diagnostics: impl Into<Cow<'static, str>>) -> Self {
        self.extra.get_or_insert_default().diagnostics = Some(diagnostics.into());
        self
    }

    /// The same, pointing to an element.
    pub(crate) fn at(mut self, expression: impl Into<Cow<'static, str>>) -> Self {
        self.extra.get_or_insert_default().expression = Some(expression.into());
        self
    }

    /// The same, with the allowed methods.
    pub(crate) fn allowing(mut self, methods: impl Into<Cow<'static, str>>) -> Self {
        self.extra.get_or_insert_default().header = Some(Header::Allow(methods.into()));
        self
    }

    /// The same, with the seconds for `Retry-After`.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.extra.get_or_insert_default().header = Some(Header::RetryAfter(seconds));
        self
    }

    /// The same, for a body with a content coding: none is supported (RFC 9110, section 15.5.16).
    pub(crate) fn without_encodings(mut self) -> Self {
        self.extra.get_or_insert_default().header = Some(Header::TakesNoEncoding);
        self
    }

    /// The OperationOutcome.
    pub(crate) fn outcome(&self) -> Value {
        let extra = self.extra.as_deref().cloned().unwrap_or_default();
        let mut coding = Map::new();
        let system = match self.system {
            System::ValidatedRelationships => url::ERROR_CODE,
            System::Spine => url::SPINE_ERROR_CODE,
        };
        coding.insert("system".to_owned(), system.into());
        if self.system == System::ValidatedRelationships {
            coding.insert("version".to_owned(), "1".into());
        }
        coding.insert("code".to_owned(), self.code.into());
        coding.insert("display".to_owned(), self.display.into());
        let mut issue = json!({
            "severity": "error",
            "code": self.issue,
            "details": { "coding": [coding] },
            "diagnostics": extra.diagnostics.as_deref().unwrap_or(self.diagnostics),
        });
        if let (Some(expression), Some(issue)) = (&extra.expression, issue.as_object_mut()) {
            issue.insert("expression".to_owned(), json!([expression]));
        }
        json!({ "resourceType": "OperationOutcome", "issue": [issue] })
    }
}

impl fmt::Display for VrsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl ResponseError for VrsError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self.extra.as_ref().and_then(|extra| extra.header.as_ref()) {
            Some(Header::Allow(methods)) => {
                response.insert_header((ALLOW, methods.as_ref()));
            }
            Some(Header::RetryAfter(seconds)) => {
                response.insert_header((RETRY_AFTER, *seconds));
            }
            Some(Header::TakesNoEncoding) => {
                response.insert_header((ACCEPT_ENCODING, "identity"));
            }
            None => {}
        }
        response.content_type(super::resource::FHIR_JSON).body(self.outcome().to_string())
    }
}
