//! Expected errors of the VRS API (contract §2.1, §2.2): literal texts of the contract, compared as a whole.

use fhir_codec::CodecResourceType;
use serde_json::{Value, json};

use crate::support::Response;

const SYSTEM: &str = "https://fhir.nhs.uk/R4/CodeSystem/ValidatedRelationships-ErrorOrWarningCode";
const SPINE: &str = "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1";
const GRANTOR: &str =
    "extension.where(url = 'https://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.grantor')";
/// Every `issue.code` that is in use.
const ISSUE_CODES: [&str; 8] = [
    "exception",
    "forbidden",
    "informational",
    "invalid",
    "not-found",
    "not-supported",
    "processing",
    "required",
];

/// The response to a failing request.
#[derive(Clone, Debug)]
pub struct ExpectedError {
    status: u16,
    code: &'static str,
    issue: Option<&'static str>,
    /// Display and diagnostics; `None` where the contract publishes no words.
    words: Option<(&'static str, &'static str)>,
    expression: Option<String>,
    /// Whether the contract says nothing of an expression, so that one may be there.
    any_expression: bool,
    is_spine: bool,
}

/// Status, code, issue type, display, diagnostics.
pub fn expected_error(
    status: u16,
    code: &'static str,
    issue: &'static str,
    display: &'static str,
    diagnostics: &'static str,
) -> ExpectedError {
    let words = Some((display, diagnostics));
    let issue = Some(issue);
    ExpectedError { status, code, issue, words, expression: None, any_expression: false, is_spine: false }
}

/// Status and code alone: the contract lists the code without words.
pub fn coded(status: u16, code: &'static str) -> ExpectedError {
    let (issue, words) = (None, None);
    ExpectedError { status, code, issue, words, expression: None, any_expression: true, is_spine: false }
}

impl ExpectedError {
    pub fn at(mut self, expression: &str) -> Self {
        self.expression = Some(expression.to_owned());
        self.any_expression = false;
        self
    }

    pub fn at_grantor(self, rest: &str) -> Self {
        self.at(&format!("{GRANTOR}{rest}"))
    }

    pub fn with_issue(mut self, issue: &'static str) -> Self {
        self.issue = Some(issue);
        self
    }

    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn in_spine_system(mut self) -> Self {
        self.is_spine = true;
        self
    }

    /// Compares an answer, `row` being the request in words.
    #[track_caller]
    pub fn check(&self, row: &str, response: &Response) {
        let body = String::from_utf8_lossy(&response.body);
        assert_eq!((response.status, response.code().as_str()), (self.status, self.code), "{row}: {body}");
        assert_eq!(response.header("Content-Type"), Some("application/fhir+json"), "{row}");
        let outcome = response.json();
        assert_eq!(outcome, self.outcome(row, &outcome), "{row}: status and code are right");
        assert!(
            fhir_codec::check(CodecResourceType::OperationOutcome, &body).is_ok(),
            "{row}: not R4: {body}"
        );
    }

    /// The whole OperationOutcome. What the contract leaves open is taken from the answer, if it is there.
    #[track_caller]
    fn outcome(&self, row: &str, answered: &Value) -> Value {
        let given = &answered["issue"][0];
        let mut coding = json!({ "system": SYSTEM, "version": "1", "code": self.code });
        if self.is_spine {
            coding = json!({ "system": SPINE, "code": self.code });
        }
        let open = |text: &Value| {
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{row}: no words in {answered}");
            text.clone()
        };
        let (display, diagnostics) = match self.words {
            Some((display, diagnostics)) => (display.into(), diagnostics.into()),
            None => (open(&given["details"]["coding"][0]["display"]), open(&given["diagnostics"])),
        };
        coding["display"] = display;
        let issue = self.issue.or(given["code"].as_str()).unwrap_or_default();
        assert!(ISSUE_CODES.contains(&issue), "{row}: {issue} is no issue.code in use");
        let mut expected = json!({
            "severity": "error",
            "code": issue,
            "details": { "coding": [coding] },
            "diagnostics": diagnostics,
        });
        if let Some(expression) = &self.expression {
            expected["expression"] = json!([expression]);
        } else if self.any_expression && given["expression"].is_array() {
            expected["expression"] = given["expression"].clone();
        }
        json!({ "resourceType": "OperationOutcome", "issue": [expected] })
    }
}

pub fn access_denied() -> ExpectedError {
    let display = "Missing or invalid OAuth 2.0 bearer token in request.";
    expected_error(401, "ACCESS_DENIED", "forbidden", display, "Invalid access token - Access Denied.")
}

pub fn forbidden() -> ExpectedError {
    expected_error(403, "FORBIDDEN", "forbidden", "Access Denied", "Access denied to resource.")
}

pub fn invalidated() -> ExpectedError {
    let both =
        "Resource that has been marked as invalid was requested - invalid resources cannot be retrieved";
    expected_error(404, "INVALIDATED_RESOURCE", "processing", both, both)
}

pub fn method_not_allowed() -> ExpectedError {
    let diagnostics = "The method is not allowed for the requested resource.";
    expected_error(405, "METHOD_NOT_ALLOWED", "not-supported", "The method is not allowed.", diagnostics)
}

pub fn unsupported_media_type() -> ExpectedError {
    let both = "Unsupported Media Type.";
    expected_error(415, "UNSUPPORTED_MEDIA_TYPE", "not-supported", both, both)
}

/// A header that is missing.
pub fn missing_header() -> ExpectedError {
    coded(400, "MISSING_VALUE")
}

/// A header that is malformed, or a patch operation that is none.
pub fn invalid_value() -> ExpectedError {
    coded(400, "INVALID_VALUE")
}

/// An element that `POST /Consent` lacks.
pub fn missing(code: &'static str, diagnostics: &'static str, element: &str) -> ExpectedError {
    expected_error(400, code, "invalid", "Required values are missing.", diagnostics).at(element)
}

/// A business rule that `POST /Consent` breaks.
pub fn bad_request() -> ExpectedError {
    let display = "The request could not be processed.";
    expected_error(400, "BAD_REQUEST", "invalid", display, "The supplied input is not valid.")
}

/// A body that is no Consent.
pub fn not_a_consent() -> ExpectedError {
    let diagnostics = "The supplied input is not a valid FHIR Consent.";
    expected_error(400, "BAD_REQUEST", "invalid", "The request could not be processed.", diagnostics)
}

/// A body that is no QuestionnaireResponse.
pub fn not_a_questionnaire_response() -> ExpectedError {
    let diagnostics = "The supplied input is not a valid FHIR QuestionnaireResponse.";
    expected_error(400, "BAD_REQUEST", "invalid", "The request could not be processed.", diagnostics)
}

pub fn duplicate_relationship() -> ExpectedError {
    let display = "Request must be for a new proxy role.";
    expected_error(409, "DUPLICATE_RELATIONSHIP", "invalid", display, "Proxy role already exists.")
}

pub fn missing_free_text() -> ExpectedError {
    let display = "Free text must be provided for OTHER reason codes.";
    let diagnostics = "Free text is required when reason code is OTHER.";
    expected_error(400, "MISSING_FREE_TEXT_FOR_OTHER", "invalid", display, diagnostics)
}

pub fn missing_grantor() -> ExpectedError {
    let diagnostics = "Grantor extension is required when creating/updating an active proxy role";
    expected_error(400, "MISSING_GRANTOR", "invalid", "Grantor required for active status", diagnostics)
        .at_grantor("")
}

pub fn role_not_found() -> ExpectedError {
    let display = "Request must be for a existing proxy role.";
    expected_error(404, "RESOURCE_NOT_FOUND", "invalid", display, "Proxy role not found.")
}

pub fn invalid_patch_format() -> ExpectedError {
    let diagnostics = "Malformed JSON patch document.";
    expected_error(400, "INVALID_PATCH_FORMAT", "invalid", "Request format is invalid.", diagnostics)
}

pub fn invalid_patch_path() -> ExpectedError {
    let diagnostics = "Patch targeting non-existent element.";
    expected_error(422, "INVALID_PATCH_PATH", "invalid", "Patch target is invalid.", diagnostics)
}

pub fn invalid_status_code() -> ExpectedError {
    let mut expected = expected_error(
        422,
        "INVALID_STATUS_CODE",
        "invalid",
        "Status code is invalid.",
        "Invalid status code.",
    );
    expected.any_expression = true;
    expected
}

pub fn invalid_status_reason() -> ExpectedError {
    let display = "Status reason is invalid.";
    let mut expected =
        expected_error(422, "INVALID_STATUS_REASON", "invalid", display, "Invalid status reason.");
    expected.any_expression = true;
    expected
}

pub fn invalid_transition() -> ExpectedError {
    let diagnostics = "Patch attempting invalid status change.";
    expected_error(422, "INVALID_STATE_TRANSITION", "invalid", "Status change is invalid.", diagnostics)
}
