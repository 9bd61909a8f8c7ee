//! The OperationOutcome of a success (contract §2.1).

use serde_json::{Value, json};

use domain::proxy::ReferenceCode;

/// Success.
pub(crate) fn informational() -> Value {
    json!({
        "resourceType": "OperationOutcome",
        "issue": [{ "severity": "information", "code": "informational" }],
    })
}

/// Success, with the reference code of an access request.
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
