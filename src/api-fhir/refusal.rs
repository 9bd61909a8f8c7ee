//! Refusals of this API: a status and its issues.

use std::borrow::Cow;

use base::error::{Error, ErrorKind};
use domain::proxy::RoleError;
use fhir::outcome::{Issue, IssueType};
use service::access::AccessDenied as NotAllowed;

/// A refusal. It becomes an OperationOutcome, as the response or as the outcome of a Bundle's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// At least one issue.
    pub(crate) issues: Vec<Issue>,
    /// The allowed methods, with a 405.
    pub(crate) allow: Option<Cow<'static, str>>,
    /// Whether the body has a content coding: none is supported (RFC 9110, section 15.5.16).
    pub(crate) takes_no_encoding: bool,
    /// The seconds for `Retry-After`, with a 429 or 503.
    pub(crate) retry_after: Option<u64>,
    /// Why the token is not sufficient, with a 401 or 403.
    pub(crate) challenge: Option<Challenge>,
}

/// The parameters of a `WWW-Authenticate` header (RFC 6750 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The error code.
    pub(crate) error: &'static str,
    /// A sufficient scope.
    pub(crate) scope: Option<String>,
}

impl Refusal {
    /// A refusal with one issue.
    pub(crate) fn new(status: u16, issue: Issue) -> Self {
        Self::of(status, vec![issue])
    }

    /// A refusal with several issues.
    pub(crate) fn of(status: u16, issues: Vec<Issue>) -> Self {
        Self { status, issues, allow: None, takes_no_encoding: false, retry_after: None, challenge: None }
    }

    /// 400: the request cannot be understood.
    pub(crate) fn invalid(diagnostics: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, Issue::error(IssueType::Invalid, diagnostics))
    }

    /// 422: a rule of the domain is violated, at an element.
    pub(crate) fn rule(diagnostics: impl Into<Cow<'static, str>>, expression: &str) -> Self {
        Self::new(422, Issue::error(IssueType::BusinessRule, diagnostics).at(expression))
    }

    /// 404: the resource does not exist, as far as the caller may know.
    pub(crate) fn not_found() -> Self {
        Self::new(404, Issue::error(IssueType::NotFound, "There is no such resource."))
    }

    /// 405: the method or interaction is not supported.
    pub(crate) fn not_allowed(
        allow: impl Into<Cow<'static, str>>,
        diagnostics: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            allow: Some(allow.into()),
            ..Self::new(405, Issue::error(IssueType::NotSupported, diagnostics))
        }
    }

    /// 412: the state is not the one that the caller expects.
    pub(crate) fn precondition(code: IssueType, diagnostics: &'static str) -> Self {
        Self::new(412, Issue::error(code, diagnostics))
    }
}

/// 400: the request cannot be read.
impl From<Issue> for Refusal {
    fn from(issue: Issue) -> Self {
        Self::new(400, issue)
    }
}

/// Faults that every interaction shares. The cause is logged here, once.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let kind = error.kind();
        if matches!(kind, ErrorKind::Fault | ErrorKind::Busy) {
            web::observe::log_failure(&error);
        }
        let code = match kind {
            ErrorKind::Invalid => IssueType::Invalid,
            ErrorKind::Unprocessable => IssueType::BusinessRule,
            ErrorKind::Unauthenticated => IssueType::Login,
            ErrorKind::Forbidden => IssueType::Forbidden,
            ErrorKind::NotFound => IssueType::NotFound,
            ErrorKind::Conflict => IssueType::Duplicate,
            ErrorKind::PreconditionFailed => IssueType::Conflict,
            ErrorKind::TooCostly => IssueType::TooCostly,
            ErrorKind::Busy => IssueType::Transient,
            ErrorKind::Fault => IssueType::Exception,
        };
        let refusal = Self::new(kind.status(), Issue::error(code, error.message().to_owned()));
        // The one error of a use case about authentication: a grant that is no longer valid.
        let lapsed = Challenge { error: "invalid_token", scope: None };
        Self {
            retry_after: (kind == ErrorKind::Busy).then_some(1),
            challenge: (kind == ErrorKind::Unauthenticated).then_some(lapsed),
            ..refusal
        }
    }
}

impl From<NotAllowed> for Refusal {
    fn from(_refusal: NotAllowed) -> Self {
        Self::new(403, Issue::error(IssueType::Forbidden, "The caller is not allowed to do this."))
    }
}

/// The rule that a role violates, and where.
impl From<RoleError> for Refusal {
    fn from(rule: RoleError) -> Self {
        let (at, message) = match rule {
            RoleError::OwnProxy => (
                "Consent.performer",
                "The proxy and the patient must be different people: name another performer.",
            ),
            RoleError::InvalidTransition => (
                "Consent.status",
                "The role cannot change from its current status to this one. Allowed are active to inactive; \
                 inactive to active or rejected; rejected to active. Only an active role can be edited.",
            ),
            RoleError::MissingReason => {
                ("Consent.extension", "A change of status needs a status reason in the same request.")
            }
            RoleError::ReasonNotAllowed => (
                "Consent.extension",
                "This status reason is not allowed for this status: use one of those defined for it.",
            ),
            RoleError::MissingGrantor => (
                "Consent.extension",
                "A role becomes active only with the grantor extension: the ODS code of the organisation that \
                 authorises it.",
            ),
            RoleError::End(_) => {
                ("Consent.provision.period.end", "The end must not be before the start, or in the past.")
            }
            RoleError::PatientDied => {
                ("Consent.patient", "The patient has died: a role can end, and none can become active.")
            }
            RoleError::ProxyDied => {
                ("Consent.performer", "The proxy has died: a role can end, and none can become active.")
            }
        };
        Self::rule(message, at)
    }
}
