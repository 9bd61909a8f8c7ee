//! The contract's form of a Consent, where it is not ambiguous here: bodies of the VRS API can be sent to
//! this API, and to `onbehalf import`, unchanged.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::url;

/// The references of a role to its proxy.
const PROXIES: [(&str, &str); 2] = [("/performer", ""), ("/provision/actor", "/reference")];

/// Changes the type of a proxy who is a `RelatedPerson` by NHS number (contract §4.3) to Patient, as on this
/// API. The type of a literal reference is not changed.
pub(crate) fn with_patient_types(mut body: Value) -> Value {
    for (list, within) in PROXIES {
        for item in body.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let reference = item.pointer_mut(within).and_then(Value::as_object_mut);
            if let Some(reference) = reference
                && reference.get("type").and_then(Value::as_str) == Some("RelatedPerson")
                && reference.contains_key("identifier")
                && !reference.contains_key("reference")
            {
                reference.insert("type".to_owned(), "Patient".into());
            }
        }
    }
    body
}

/// A JSON Patch of a Consent that appends a list to `/extension/-` (contract §4.5), or a status reason or
/// grantor to a role that has one: each item is appended by itself, and replaces the one that a role has only
/// once.
pub(crate) fn consent_patch<'p>(current: &Value, patch: &'p Value) -> Cow<'p, Value> {
    let Some(operations) = patch.as_array() else { return Cow::Borrowed(patch) };
    if !operations.iter().any(appends) {
        return Cow::Borrowed(patch);
    }
    // Another operation may move the items of the list.
    let is_list_known =
        operations.iter().all(|operation| appends(operation) || !is_about_extensions(operation));
    let place_of = |item: &Value| {
        let wanted =
            item.get("url").and_then(Value::as_str).filter(|url| is_of_a_role(url) && is_list_known)?;
        let held = current.get("extension")?.as_array()?;
        held.iter().position(|held| held.get("url").and_then(Value::as_str) == Some(wanted))
    };
    let mut written = Vec::new();
    for operation in operations {
        let value = operation.get("value").filter(|_| appends(operation));
        let Some(value) = value else {
            written.push(operation.clone());
            continue;
        };
        let items = value
            .as_array()
            .filter(|items| !items.is_empty())
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        written.extend(items.iter().map(|item| match place_of(item) {
            Some(place) => json!({ "op": "replace", "path": format!("/extension/{place}"), "value": item }),
            None => json!({ "op": "add", "path": "/extension/-", "value": item }),
        }));
    }
    Cow::Owned(Value::Array(written))
}

fn appends(operation: &Value) -> bool {
    let text = |name: &str| operation.get(name).and_then(Value::as_str);
    (text("op"), text("path")) == (Some("add"), Some("/extension/-"))
}

fn is_about_extensions(operation: &Value) -> bool {
    let paths = ["path", "from"].into_iter().filter_map(|name| operation.get(name)?.as_str());
    paths.into_iter().any(|path| path.is_empty() || path.starts_with("/extension"))
}

fn is_of_a_role(extension: &str) -> bool {
    [url::STATUS_REASON_EXTENSION, url::GRANTOR_EXTENSION].contains(&extension)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{consent_patch, with_patient_types};
    use crate::url;

    fn add(value: &Value) -> Value {
        json!({ "op": "add", "path": "/extension/-", "value": value })
    }

    #[test]
    fn patch_appends_list_items_and_replaces_the_status_reason() {
        let reason = |code: &str| json!({ "url": url::STATUS_REASON_EXTENSION, "valueCode": code });
        let other = json!({ "url": "urn:other" });
        let current = json!({ "extension": [{ "url": "urn:first" }, reason("a")] });
        let status = json!({ "op": "replace", "path": "/status", "value": "inactive" });
        let patch = json!([status, add(&json!([reason("b"), other]))]);
        let replaced = json!({ "op": "replace", "path": "/extension/1", "value": reason("b") });
        assert_eq!(*consent_patch(&current, &patch), json!([status, replaced, add(&other)]));
        // Where another operation moves the list, the items are appended unchanged.
        let removal = json!({ "op": "remove", "path": "/extension/0" });
        let patch = json!([removal, add(&json!([reason("b")]))]);
        assert_eq!(*consent_patch(&current, &patch), json!([removal, add(&reason("b"))]));
        for same in [json!([status]), json!({}), json!([add(&json!([]))]), json!([add(&other)])] {
            assert_eq!(*consent_patch(&current, &same), same);
        }
    }

    #[test]
    fn related_person_by_identifier_becomes_the_patient_and_by_reference_does_not() {
        let by = |kind: &str, more: Value| {
            let mut reference = json!({ "type": kind, "identifier": { "value": "1" } });
            reference.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "performer": [reference], "provision": { "actor": [{ "reference": reference }] } })
        };
        assert_eq!(with_patient_types(by("RelatedPerson", json!({}))), by("Patient", json!({})));
        for other in [
            by("Device", json!({})),
            by("RelatedPerson", json!({ "reference": "RelatedPerson/1" })),
            json!(1),
        ] {
            assert_eq!(with_patient_types(other.clone()), other);
        }
    }
}
