//! Invariants of StructureDefinition (<https://hl7.org/fhir/R4/structuredefinition.html#invs>).
//!
//! sdf-19 and sdf-22 concern HL7's own definitions and are left to HL7.

use serde_json::Value;

use super::super::report::{Object, Report};
use super::text::{are_distinct, machine_name, text};
use crate::validate::report::values_of;

pub(super) fn mapping(it: &Object<'_>, report: &mut Report) {
    report.demand(it.has("name") || it.has("uri"), "sdf-2", it.path, "Add a name or a uri.");
}

pub(super) fn structure_definition(it: &Object<'_>, report: &mut Report) {
    machine_name(it, "sdf-0", report);
    let elements = |view| it.get(view).map(|view| values_of(view, "element")).unwrap_or_default();
    let (snapshot, differential) = (elements("snapshot"), elements("differential"));
    let (kind, of) = (it.text("type").unwrap_or_default(), it.text("kind").unwrap_or_default());
    let is_constraint = it.text("derivation") == Some("constraint");
    let is_abstract = it.get("abstract").and_then(Value::as_bool) == Some(true);
    let is_context_known =
        kind != "Extension" || it.text("derivation") == Some("specialization") || it.has("context");
    let ids = |elements: &'static str| {
        let elements = it.get(elements).map(|view| values_of(view, "element")).unwrap_or_default();
        elements.iter().all(|element| element.get("id").is_some())
            && are_distinct(elements.iter().filter_map(|element| text(element, "id")))
    };
    for (holds, key, words) in [
        (
            is_constraint || are_distinct(snapshot.iter().map(|element| text(element, "path"))),
            "sdf-1",
            "Give each path once.",
        ),
        (is_abstract || it.has("baseDefinition"), "sdf-4", "Add the baseDefinition."),
        (is_context_known, "sdf-5", "Add the context of the extension."),
        (it.has("snapshot") || it.has("differential"), "sdf-6", "Add a differential or a snapshot."),
        (
            of == "logical" || starts_with_type(snapshot, kind, true),
            "sdf-8",
            "Begin every path of the snapshot with the type.",
        ),
        (
            of == "logical" || starts_with_type(differential, kind, false),
            "sdf-8a",
            "Begin every path of the differential with the type.",
        ),
        (
            snapshot.iter().all(|element| element.get("base").is_some()),
            "sdf-8b",
            "Give every element of the snapshot its base.",
        ),
        (ids("snapshot"), "sdf-16", "Give every element of the snapshot an id of its own."),
        (ids("differential"), "sdf-17", "Give every element of the differential an id of its own."),
        (
            !it.has("contextInvariant") || kind == "Extension",
            "sdf-18",
            "Give contextInvariant only to an extension.",
        ),
    ] {
        report.demand(holds, key, it.path, words);
    }
    check_elements(it, snapshot, differential, report);
}

fn starts_with_type(elements: &[Value], kind: &str, is_snapshot: bool) -> bool {
    let is_below = |path: &str| path.strip_prefix(kind).is_some_and(|rest| rest.starts_with('.'));
    elements.iter().enumerate().all(|(index, element)| {
        let path = text(element, "path").unwrap_or_default();
        is_below(path) || (path == kind && (index == 0 || !is_snapshot))
    })
}

/// Rules for the elements together, and for the first of them.
fn check_elements(it: &Object<'_>, snapshot: &[Value], differential: &[Value], report: &mut Report) {
    let has = |element: &Value, name: &str| element.get(name).is_some();
    let is_root = |element: &&Value| text(element, "path").is_some_and(|path| !path.contains('.'));
    let all = || snapshot.iter().chain(differential);
    let is_logical = it.text("kind") == Some("logical");
    let is_complete =
        |element: &Value| has(element, "definition") && has(element, "min") && has(element, "max");
    let has_default = |element: &Value| {
        element.as_object().is_some_and(|members| members.keys().any(|key| key.starts_with("defaultValue")))
    };
    let is_bound = |binding: &Value| has(binding, "valueSet") || has(binding, "description");
    let is_plain =
        |element: &Value| !has(element, "label") && !has(element, "code") && !has(element, "requirements");
    let first_path = snapshot.first().and_then(|element| text(element, "path"));
    let untyped = |first: Option<&Value>| is_logical || first.is_none_or(|first| !has(first, "type"));
    for (holds, key, words) in [
        (
            snapshot.iter().all(is_complete),
            "sdf-3",
            "Give every element of the snapshot definition, min and max.",
        ),
        (
            all().filter(is_root).all(is_plain),
            "sdf-9",
            "Remove label, code and requirements from the first element.",
        ),
        (
            snapshot.iter().filter_map(|element| element.get("binding")).all(is_bound),
            "sdf-10",
            "Give every binding of the snapshot a valueSet or a description.",
        ),
        (
            is_logical || first_path.is_none_or(|path| Some(path) == it.text("type")),
            "sdf-11",
            "Begin the snapshot with the type.",
        ),
        (untyped(snapshot.first()), "sdf-15", "Remove the type of the first element."),
        (untyped(differential.first().filter(is_root)), "sdf-15a", "Remove the type of the first element."),
        (
            all().filter(is_root).all(|element| !has(element, "slicing")),
            "sdf-20",
            "Remove the slicing of the first element.",
        ),
        (
            it.text("derivation") == Some("specialization") || !differential.iter().any(has_default),
            "sdf-21",
            "Remove the default value.",
        ),
        (
            all().filter(is_root).all(|element| !has(element, "sliceName")),
            "sdf-23",
            "Remove the slice name of the first element.",
        ),
    ] {
        report.demand(holds, key, it.path, words);
    }
}
