//! Everything that the API returns is valid R4: responses are checked here.

use fhir_codec::CodecResourceType;
use serde_json::Value;

use crate::support::Response;

fn type_of(resource: &Value) -> CodecResourceType {
    match resource["resourceType"].as_str() {
        Some("Bundle") => CodecResourceType::Bundle,
        Some("Consent") => CodecResourceType::Consent,
        Some("OperationOutcome") => CodecResourceType::OperationOutcome,
        Some("Patient") => CodecResourceType::Patient,
        Some("QuestionnaireResponse") => CodecResourceType::QuestionnaireResponse,
        Some("RelatedPerson") => CodecResourceType::RelatedPerson,
        other => unreachable!("{other:?} is no resource that this front emits"),
    }
}

/// The resource in a successful answer, which is valid R4, as are those inside it.
#[track_caller]
pub fn validated(answer: &Response) -> Value {
    let text = String::from_utf8_lossy(&answer.body);
    assert!((200..300).contains(&answer.status), "{}: {text}", answer.status);
    let resource = answer.json();
    let inside = resource["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]);
    for resource in one_by_one(&resource).iter().chain(inside) {
        if let Err(fault) = fhir_codec::check(type_of(resource), &resource.to_string()) {
            unreachable!("{fault:?} in {resource}");
        }
    }
    check_no_empties(&resource, &text);
    resource
}

/// A bundle as bundles of one entry each, `resource` being its last member. The order of members means
/// nothing in JSON, but the codec loses its place behind a resource inside a resource, and refuses
/// whatever follows.
fn one_by_one(resource: &Value) -> Vec<Value> {
    let entries = resource.get("entry").and_then(Value::as_array).filter(|entries| !entries.is_empty());
    let Some(entries) = entries else { return vec![resource.clone()] };
    let alone = |entry: &Value| {
        let mut entry = entry.clone();
        if let Some(members) = entry.as_object_mut()
            && let Some(inside) = members.shift_remove("resource")
        {
            members.insert("resource".to_owned(), inside);
        }
        let mut bundle = resource.clone();
        bundle["entry"] = Value::Array(vec![entry]);
        bundle
    };
    entries.iter().map(alone).collect()
}

/// FHIR knows no `null`, no empty object and no empty text. The one empty array of the contract is the
/// `entry` of a Consent search that finds nothing (§4.4).
#[track_caller]
fn check_no_empties(value: &Value, text: &str) {
    match value {
        Value::Object(members) => {
            assert!(!members.is_empty(), "an empty object in {text}");
            for (key, value) in members {
                if key == "entry" && value.as_array().is_some_and(Vec::is_empty) {
                    continue;
                }
                check_no_empties(value, text);
            }
        }
        Value::Array(items) => {
            assert!(!items.is_empty(), "an empty array in {text}");
            for item in items {
                check_no_empties(item, text);
            }
        }
        Value::String(words) => assert!(!words.is_empty(), "an empty text in {text}"),
        Value::Null => unreachable!("null in {text}"),
        Value::Bool(_) | Value::Number(_) => {}
    }
}
