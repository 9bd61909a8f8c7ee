//! Invariants of CapabilityStatement, CodeSystem, ConceptMap, ValueSet, SearchParameter and OperationDefinition.

use serde_json::Value;

use super::super::report::{Object, Report, is_absolute};
use super::text::{are_distinct, machine_name, text};
use crate::outcome::IssueType;
use crate::validate::report::values_of;

pub(super) fn capability_statement(it: &Object<'_>, report: &mut Report) {
    machine_name(it, "cpb-0", report);
    let kind = it.text("kind").unwrap_or_default();
    let any = |names: [&str; 3]| names.iter().any(|name| it.has(name));
    let has_endpoint = it.items("messaging").iter().any(|messaging| messaging.get("endpoint").is_some());
    let documents =
        it.items("document").iter().map(|document| (text(document, "profile"), text(document, "mode")));
    let (implementation, software) = (it.has("implementation"), it.has("software"));
    for (holds, key, words) in [
        (any(["rest", "messaging", "document"]), "cpb-1", "Add rest, messaging or document."),
        (
            any(["description", "software", "implementation"]),
            "cpb-2",
            "Add description, software or implementation.",
        ),
        (!has_endpoint || kind == "instance", "cpb-3", "Give messaging endpoints only for an instance."),
        (are_distinct(documents), "cpb-7", "Give each pair of document profile and mode once."),
        (kind != "instance" || implementation, "cpb-14", "Add the implementation: this is an instance."),
        (
            kind != "capability" || (!implementation && software),
            "cpb-15",
            "Give software and no implementation.",
        ),
        (
            kind != "requirements" || (!implementation && !software),
            "cpb-16",
            "Give neither software nor implementation.",
        ),
    ] {
        report.demand(holds, key, it.path, words);
    }
}

pub(super) fn rest(it: &Object<'_>, report: &mut Report) {
    let holds = are_distinct(it.items("resource").iter().filter_map(|resource| text(resource, "type")));
    report.demand(holds, "cpb-9", it.path, "Describe each resource type once.");
}

pub(super) fn rest_resource(it: &Object<'_>, report: &mut Report) {
    let holds = are_distinct(it.items("searchParam").iter().filter_map(|parameter| text(parameter, "name")));
    report.demand(holds, "cpb-12", it.path, "Name each search parameter once.");
}

pub(super) fn code_system(it: &Object<'_>, report: &mut Report) {
    machine_name(it, "csd-0", report);
    let mut codes = Vec::new();
    it.items("concept").iter().for_each(|concept| collect(concept, &mut codes));
    report.demand(are_distinct(codes), "csd-1", it.path, "Define each code once.");
}

fn collect<'v>(concept: &'v Value, codes: &mut Vec<&'v str>) {
    codes.extend(text(concept, "code"));
    for concept in values_of(concept, "concept") {
        collect(concept, codes);
    }
}

pub(super) fn concept_map(it: &Object<'_>, report: &mut Report) {
    machine_name(it, "cmd-0", report);
}

pub(super) fn map_target(it: &Object<'_>, report: &mut Report) {
    let is_close = !matches!(it.text("equivalence"), Some("narrower" | "inexact"));
    report.demand(
        is_close || it.has("comment"),
        "cmd-1",
        it.path,
        "Say in a comment how the meanings differ.",
    );
}

pub(super) fn map_unmapped(it: &Object<'_>, report: &mut Report) {
    let mode = it.text("mode");
    report.demand(mode != Some("fixed") || it.has("code"), "cmd-2", it.path, "Add the fixed code.");
    report.demand(
        mode != Some("other-map") || it.has("url"),
        "cmd-3",
        it.path,
        "Add the URL of the other map.",
    );
}

/// ValueSet.compose.exclude repeats the content of include, so the same rules apply.
pub(super) fn include(it: &Object<'_>, report: &mut Report) {
    let (concept, filter, system) = (it.has("concept"), it.has("filter"), it.has("system"));
    report.demand(system || it.has("valueSet"), "vsd-1", it.path, "Add a system or a valueSet.");
    report.demand(
        system || (!concept && !filter),
        "vsd-2",
        it.path,
        "Add the system of the concepts or filters.",
    );
    report.demand(!concept || !filter, "vsd-3", it.path, "Give concepts or filters, not both.");
    // "An absolute URI", by the definition of the element.
    if it.text("system").is_some_and(|system| !is_absolute(system)) {
        report.error(IssueType::Value, &it.path.name("system"), "Give the system as an absolute URI.");
    }
}

pub(super) fn value_set(it: &Object<'_>, report: &mut Report) {
    machine_name(it, "vsd-0", report);
}

pub(super) fn expansion_contains(it: &Object<'_>, report: &mut Report) {
    let (code, is_abstract) = (it.has("code"), it.get("abstract").and_then(Value::as_bool) == Some(true));
    report.demand(code || it.has("display"), "vsd-6", it.path, "Add a code or a display.");
    report.demand(code || is_abstract, "vsd-9", it.path, "Add the code, or say that this is abstract.");
    report.demand(!code || it.has("system"), "vsd-10", it.path, "Add the system of the code.");
}

pub(super) fn search_parameter(it: &Object<'_>, report: &mut Report) {
    machine_name(it, "spd-0", report);
    report.demand(!it.has("xpath") || it.has("xpathUsage"), "spd-1", it.path, "Add the xpathUsage.");
    let holds = !it.has("chain") || it.text("type") == Some("reference");
    report.demand(holds, "spd-2", it.path, "Give chains only to a parameter of type reference.");
}

pub(super) fn operation_definition(it: &Object<'_>, report: &mut Report) {
    machine_name(it, "opd-0", report);
}

/// OperationDefinition.parameter.part repeats the content of parameter, so the same rules apply.
pub(super) fn operation_parameter(it: &Object<'_>, report: &mut Report) {
    let kind = it.text("type");
    report.demand(kind.is_some() || it.has("part"), "opd-1", it.path, "Add a type or parts.");
    let holds = !it.has("searchType") || kind == Some("string");
    report.demand(holds, "opd-2", it.path, "Give a searchType only to a parameter of type string.");
    let holds = !it.has("targetProfile") || matches!(kind, Some("Reference" | "canonical"));
    report.demand(holds, "opd-3", it.path, "Give target profiles only to a Reference or a canonical.");
}
