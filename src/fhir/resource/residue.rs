//! Finds what a body says and the model cannot hold, so that it is refused and never dropped in silence.
//!
//! The body is compared with the resource as it would be read back: whatever the one has and the other
//! has not is residue.

use serde_json::Value;

use crate::fhir::outcome::{Issue, IssueType};
use crate::fhir::refusal::Refusal;
use crate::fhir::resource::Stored;
use crate::fhir::url;

/// What was stored of a body, unless something of the body would be lost.
pub(super) fn checked(body: &Value, stored: Stored) -> Result<Stored, Refusal> {
    let residue = find(body, &stored.body);
    if residue.is_empty() { Ok(stored) } else { Err(Refusal::of(422, residue)) }
}

/// Every element of `body` that `held` lacks or has otherwise.
fn find(body: &Value, held: &Value) -> Vec<Issue> {
    let mut issues = Vec::new();
    let kind = body.get("resourceType").and_then(Value::as_str).unwrap_or("Resource");
    for (key, value) in body.as_object().into_iter().flatten() {
        let path = format!("{kind}.{key}");
        match key.as_str() {
            "resourceType" | "id" => {}
            "meta" => meta(value, &path, &mut issues),
            // A generated narrative says nothing that the data do not say.
            "text" if value.get("status").and_then(Value::as_str) == Some("generated") => {}
            _ => compare(value, held.get(key), &path, &mut issues),
        }
    }
    issues
}

/// The service writes these by itself, whatever the client sent.
fn meta(meta: &Value, path: &str, issues: &mut Vec<Issue>) {
    for (key, given) in meta.as_object().into_iter().flatten() {
        let is_our_tag = key == "tag" && is_ours(given);
        if !is_our_tag && !["versionId", "lastUpdated", "profile", "source"].contains(&key.as_str()) {
            issues.push(unheld(&format!("{path}.{key}")));
        }
    }
}

/// Whether tags are only those that the service sets by itself.
fn is_ours(tags: &Value) -> bool {
    let system = |tag: &Value| tag.get("system").and_then(Value::as_str) == Some(url::ROLE_REVIEW);
    tags.as_array().is_some_and(|tags| tags.iter().all(system))
}

fn compare(given: &Value, held: Option<&Value>, path: &str, issues: &mut Vec<Issue>) {
    match (given, held) {
        (Value::Object(members), Some(Value::Object(held))) => {
            for (key, value) in members {
                // Displays are words for people: ours stand, whatever the sender's are (contract §4.1).
                if key != "display" {
                    compare(value, held.get(key), &format!("{path}.{key}"), issues);
                }
            }
        }
        (Value::Array(items), Some(Value::Array(held))) => {
            for (number, item) in items.iter().enumerate() {
                let matches = |candidate: &&Value| {
                    let mut found = Vec::new();
                    compare(item, Some(candidate), path, &mut found);
                    found.is_empty()
                };
                if held.iter().find(matches).is_none() {
                    // The item at the same place tells best what is wrong with this one.
                    let path = format!("{path}[{number}]");
                    match held.get(number) {
                        Some(candidate) => compare(item, Some(candidate), &path, issues),
                        None => issues.push(unheld(&path)),
                    }
                }
            }
        }
        (Value::String(given), Some(Value::String(held)))
            if given == held || url::as_hl7_defines(given) == *held => {}
        (given, Some(held)) if given == held => {}
        _ => issues.push(unheld(path)),
    }
}

fn unheld(path: &str) -> Issue {
    let told = "This service cannot hold this element, or not with this value: leave it out, or correct it.";
    Issue::error(IssueType::NotSupported, told).at(path)
}
