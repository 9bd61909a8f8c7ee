//! Reads request bodies. A body is parsed by [`base::json`] and validated as typed R4 before its values are
//! used.

pub(crate) mod access_request;
pub(crate) mod consent;
pub(crate) mod extension;
mod form;
mod party;
pub(crate) mod patch;

use serde_json::Value;

use base::json::Allowed;

/// A grantor's `valueReference: {}` has its own error (§2.2).
const EMPTY_OBJECTS: Allowed = Allowed { empty_objects: true, null_items: false, all_of_json: false };

/// The value at a path of members, or `None`.
fn member<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// The text at a path of members.
fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    member(value, path)?.as_str()
}

/// The items of the array at a path; empty where there is no array.
fn items<'v>(value: &'v Value, path: &[&str]) -> &'v [Value] {
    member(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The one item of a list, for an element with one value in the model; identical repetitions count once.
/// `None` where the list is empty, or its items differ.
fn only(items: &[Value]) -> Option<&Value> {
    let (first, rest) = items.split_first()?;
    rest.iter().all(|item| item == first).then_some(first)
}

/// Whether any element has a `modifierExtension`. It could reverse the meaning of the document, so a document
/// with an unknown one is refused (<https://hl7.org/fhir/R4/extensibility.html>).
fn has_modifier_extension(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().any(|(key, value)| key == "modifierExtension" || has_modifier_extension(value))
        }
        Value::Array(items) => items.iter().any(has_modifier_extension),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether any element is an empty object.
fn has_empty_object(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty() || members.values().any(has_empty_object),
        Value::Array(items) => items.iter().any(has_empty_object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The document as text for the typed codec, which fails where `contained` is not the last member.
fn for_codec(document: &Value) -> String {
    let mut copy = document.clone();
    if let Some(members) = copy.as_object_mut()
        && let Some(contained) = members.shift_remove("contained")
    {
        members.insert("contained".to_owned(), contained);
    }
    copy.to_string()
}
