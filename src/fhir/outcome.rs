//! Issues, and the OperationOutcome that carries them (<https://hl7.org/fhir/R4/operationoutcome.html>).

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// The severity of an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The request was not carried out.
    Error,
    /// The request was carried out; something in it may be wrong.
    Warning,
    /// For information.
    Information,
}

impl Severity {
    /// FHIR's code (`issue-severity`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Information => "information",
        }
    }
}

/// The kind of an issue: the codes of FHIR's `issue-type` that this service uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the code is the name; FHIR describes it")]
pub enum IssueType {
    Invalid,
    Structure,
    Required,
    Value,
    Invariant,
    Security,
    Login,
    Forbidden,
    Processing,
    NotSupported,
    Duplicate,
    MultipleMatches,
    NotFound,
    Deleted,
    TooLong,
    CodeInvalid,
    Extension,
    TooCostly,
    BusinessRule,
    Conflict,
    Transient,
    Timeout,
    Throttled,
    Exception,
    Informational,
    Incomplete,
}

impl IssueType {
    /// FHIR's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::Invariant => "invariant",
            Self::Security => "security",
            Self::Login => "login",
            Self::Forbidden => "forbidden",
            Self::Processing => "processing",
            Self::NotSupported => "not-supported",
            Self::Duplicate => "duplicate",
            Self::MultipleMatches => "multiple-matches",
            Self::NotFound => "not-found",
            Self::Deleted => "deleted",
            Self::TooLong => "too-long",
            Self::CodeInvalid => "code-invalid",
            Self::Extension => "extension",
            Self::TooCostly => "too-costly",
            Self::BusinessRule => "business-rule",
            Self::Conflict => "conflict",
            Self::Transient => "transient",
            Self::Timeout => "timeout",
            Self::Throttled => "throttled",
            Self::Exception => "exception",
            Self::Informational => "informational",
            Self::Incomplete => "incomplete",
        }
    }
}

/// One issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its severity.
    pub severity: Severity,
    /// Its kind.
    pub code: IssueType,
    /// Its location: a FHIRPath expression such as `Consent.provision.actor[0].role`.
    pub expression: Option<String>,
    /// A sentence that says what to do. It quotes no value of the request.
    pub diagnostics: Cow<'static, str>,
}

impl Issue {
    /// An error.
    pub fn error(code: IssueType, diagnostics: impl Into<Cow<'static, str>>) -> Self {
        Self { severity: Severity::Error, code, expression: None, diagnostics: diagnostics.into() }
    }

    /// The same as a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same, with the location of an element.
    #[must_use]
    pub fn at(mut self, expression: impl Into<String>) -> Self {
        self.expression = Some(expression.into());
        self
    }

    fn render(&self) -> Value {
        let mut issue = Map::new();
        issue.insert("severity".to_owned(), self.severity.code().into());
        issue.insert("code".to_owned(), self.code.code().into());
        issue.insert("diagnostics".to_owned(), self.diagnostics.as_ref().into());
        if let Some(expression) = &self.expression {
            issue.insert("expression".to_owned(), json!([expression]));
        }
        Value::Object(issue)
    }
}

/// The resource that carries issues. It always has one: without any issue, one of the severity information.
pub fn operation_outcome(issues: &[Issue]) -> Value {
    let all_well = Issue {
        severity: Severity::Information,
        code: IssueType::Informational,
        expression: None,
        diagnostics: "Everything is in order.".into(),
    };
    let issues = if issues.is_empty() { std::slice::from_ref(&all_well) } else { issues };
    let issues: Vec<Value> = issues.iter().map(Issue::render).collect();
    json!({ "resourceType": "OperationOutcome", "issue": issues })
}
