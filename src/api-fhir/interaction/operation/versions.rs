//! `$versions`.

use serde_json::{Value, json};

/// `$versions`: the one supported version of FHIR.
pub(crate) fn versions() -> Value {
    let parameter = ["version", "default"].map(|name| json!({ "name": name, "valueCode": "4.0" }));
    json!({ "resourceType": "Parameters", "parameter": parameter })
}
