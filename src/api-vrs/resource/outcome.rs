//! Good news (contract §2.1).

use serde_json::{Value, json};

use domain::proxy::ReferenceCode;

/// Nothing went wrong.
pub(crate) fn informational() -> Value {
    json!({
        "resourceType": "OperationOutcome",
        "issue": [{ "severity": "information", "code": "informational" }],
    })
}

/// Nothing went wrong, and this is what to quote.
pub(crate) fn reference_code(code: &ReferenceCode) -> Value {
    json!({
        "resourceType": "OperationOutcome",
        "issue": [{
            "severity": "information",
            "code": "informational",
            "details": { "coding": [{ "code": code.as_str(), "display": code.as_str() }] },
        }],
    })
}
