//! Invariants of Bundle and Parameters (<https://hl7.org/fhir/R4/bundle.html#invs>).

use serde_json::Value;

use super::super::report::{Object, Report};
use super::text::{are_distinct, text};

pub(super) fn bundle(it: &Object<'_>, report: &mut Report) {
    let kind = it.text("type").unwrap_or_default();
    let entries = it.items("entry");
    let first = entries.first().and_then(|entry| entry.get("resource")?.get("resourceType")?.as_str());
    let identifier = |part| it.get("identifier").and_then(|identifier| text(identifier, part)).is_some();
    let is_document = kind == "document";
    for (holds, key, words) in [
        (
            !it.has("total") || matches!(kind, "searchset" | "history"),
            "bdl-1",
            "Remove total: only a searchset or history has one.",
        ),
        (
            !is_document || (identifier("system") && identifier("value")),
            "bdl-9",
            "Give the document an identifier with system and value.",
        ),
        (!is_document || it.has("timestamp"), "bdl-10", "Give the document a timestamp."),
        (!is_document || first == Some("Composition"), "bdl-11", "Begin a document with a Composition."),
        (
            kind != "message" || first == Some("MessageHeader"),
            "bdl-12",
            "Begin a message with a MessageHeader.",
        ),
    ] {
        report.demand(holds, key, it.path, words);
    }
    check_entries(it, kind, entries, report);
}

/// Validates the entries of a Bundle by its type.
fn check_entries(it: &Object<'_>, kind: &str, entries: &[Value], report: &mut Report) {
    let needs_request = matches!(kind, "batch" | "transaction" | "history");
    let needs_response = matches!(kind, "batch-response" | "transaction-response" | "history");
    let is_search = kind == "searchset";
    let entry_path = it.path.name("entry");
    for (index, entry) in entries.iter().enumerate() {
        let at = entry_path.index(index);
        let has = |name| entry.get(name).is_some();
        let search = "Remove search: only a searchset has it.";
        report.demand(is_search || !has("search"), "bdl-2", &at, search);
        let request = if needs_request {
            "Add the request."
        } else {
            "Remove the request: this type of Bundle has none."
        };
        report.demand(has("request") == needs_request, "bdl-3", &at, request);
        let response = if needs_response {
            "Add the response."
        } else {
            "Remove the response: this type of Bundle has none."
        };
        report.demand(has("response") == needs_response, "bdl-4", &at, response);
    }
    if kind != "history" {
        let version = |entry| -> Option<&str> {
            Value::get(entry, "resource")?.get("meta")?.get("versionId")?.as_str()
        };
        let urls = entries.iter().filter_map(|entry| Some((text(entry, "fullUrl")?, version(entry))));
        report.demand(
            are_distinct(urls),
            "bdl-7",
            it.path,
            "Give each fullUrl once, or with different versions.",
        );
    }
}

pub(super) fn entry(it: &Object<'_>, report: &mut Report) {
    let holds = ["resource", "request", "response"].iter().any(|name| it.has(name));
    report.demand(holds, "bdl-5", it.path, "Add a resource, a request or a response.");
    let holds = it.text("fullUrl").is_none_or(|url| !url.contains("/_history/"));
    report.demand(holds, "bdl-8", it.path, "Leave the version out of fullUrl.");
}

pub(super) fn parameter(it: &Object<'_>, report: &mut Report) {
    let count =
        [it.has("part"), it.has_choice("value"), it.has("resource")].iter().filter(|there| **there).count();
    report.demand(
        count == 1,
        "inv-1",
        it.path,
        "Give a parameter a value, a resource or parts: exactly one of them.",
    );
}
