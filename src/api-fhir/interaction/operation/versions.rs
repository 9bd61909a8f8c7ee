//! versions.

use serde_json::{Value, json};

/// `$versions`: the one version of FHIR that is spoken here.
pub(crate) fn versions() -> Value {
    let parameter = ["version", "default"].map(|name| json!({ "name": name, "valueCode": "4.0" }));
    json!({ "resourceType": "Parameters", "parameter": parameter })
}
