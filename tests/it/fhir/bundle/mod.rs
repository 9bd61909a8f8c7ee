//! Batch and transaction (checks B-01 to B-10).

mod batch;
mod links;
mod transaction;
mod writer;

use serde_json::{Value, json};

/// A Bundle to process.
pub fn bundle(kind: &str, entries: &[Value]) -> Value {
    let mut bundle = json!({ "resourceType": "Bundle", "type": kind });
    if !entries.is_empty() {
        bundle["entry"] = Value::Array(entries.to_vec());
    }
    bundle
}

/// An entry without a resource.
pub fn ask(method: &str, url: &str) -> Value {
    json!({ "request": { "method": method, "url": url } })
}

/// An entry with a resource.
pub fn give(method: &str, url: &str, resource: &Value) -> Value {
    json!({ "resource": resource, "request": { "method": method, "url": url } })
}

/// The statuses of the entries of an answer.
pub fn statuses(answer: &Value) -> Vec<String> {
    let entries = answer["entry"].as_array().map_or(&[][..], Vec::as_slice);
    let status = |entry: &Value| entry["response"]["status"].as_str().unwrap_or_default()[..3].to_owned();
    entries.iter().map(status).collect()
}
