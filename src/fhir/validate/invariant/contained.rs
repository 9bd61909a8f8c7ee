//! The invariants of contained resources, dom-2 to dom-5 (<https://hl7.org/fhir/R4/references.html#contained>).

use std::collections::HashSet;

use serde_json::Value;

use super::super::report::{Object, Report};
use super::text::text;

/// Validates the contained resources.
pub(crate) fn check(it: &Object<'_>, report: &mut Report) {
    let contained = it.items("contained");
    if contained.is_empty() {
        return;
    }
    let mut local = HashSet::new();
    it.members.values().for_each(|value| collect(value, &mut local));
    let contained_path = it.path.name("contained");
    for (index, resource) in contained.iter().enumerate() {
        let at = contained_path.index(index);
        let refers_back = || {
            let mut local = HashSet::new();
            collect(resource, &mut local);
            local.contains("")
        };
        let is_used = text(resource, "id").is_some_and(|id| local.contains(id)) || refers_back();
        let meta = |name| resource.get("meta").and_then(|meta| meta.get(name)).is_some();
        for (holds, key, words) in [
            (resource.get("contained").is_none(), "dom-2", "Contain nothing in a contained resource."),
            (is_used, "dom-3", "Give it an id and refer to it as #id, or remove it."),
            (
                !meta("versionId") && !meta("lastUpdated"),
                "dom-4",
                "Remove meta.versionId and meta.lastUpdated.",
            ),
            (!meta("security"), "dom-5", "Remove meta.security."),
        ] {
            report.demand(holds, key, &at, words);
        }
    }
}

/// Collects the ids of every text that begins with `#`.
fn collect<'v>(value: &'v Value, local: &mut HashSet<&'v str>) {
    match value {
        Value::String(text) => local.extend(text.strip_prefix('#')),
        Value::Array(items) => items.iter().for_each(|item| collect(item, local)),
        Value::Object(members) => members.values().for_each(|member| collect(member, local)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
