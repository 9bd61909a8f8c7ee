//! Invariants of `ElementDefinition` (<https://hl7.org/fhir/R4/elementdefinition.html#invs>).

use serde_json::Value;

use super::super::report::{Object, Report};
use super::text::{are_distinct, text};
use crate::outcome::IssueType;

pub(super) fn slicing(it: &Object<'_>, report: &mut Report) {
    let holds = it.has("discriminator") || it.has("description");
    report.demand(holds, "eld-1", it.path, "Add a discriminator or a description.");
}

pub(super) fn binding(it: &Object<'_>, report: &mut Report) {
    let is_url = |url: &str| ["http:", "https", "urn:"].iter().any(|start| url.starts_with(start));
    let holds = it.text("valueSet").is_none_or(is_url);
    report.demand(holds, "eld-12", it.path, "Give the value set as http://, https:// or urn:.");
}

pub(super) fn type_of(it: &Object<'_>, report: &mut Report) {
    let is_pointer = matches!(it.text("code"), Some("Reference" | "canonical"));
    report.demand(
        is_pointer || !it.has("aggregation"),
        "eld-4",
        it.path,
        "Give aggregation only to a Reference.",
    );
    report.demand(
        is_pointer || !it.has("targetProfile"),
        "eld-17",
        it.path,
        "Give targetProfile only to a Reference.",
    );
}

pub(super) fn element(it: &Object<'_>, report: &mut Report) {
    let types = || it.items("type").iter().filter_map(|given| text(given, "code"));
    let keys = it.items("constraint").iter().filter_map(|constraint| text(constraint, "key"));
    let (fixed, pattern) = (it.has_choice("fixed"), it.has_choice("pattern"));
    let has_value = fixed
        || pattern
        || it.has_choice("defaultValue")
        || it.has_choice("minValue")
        || it.has_choice("maxValue");
    let is_typed = has_value || ["type", "example", "maxLength", "binding"].iter().any(|name| it.has(name));
    let max = it.text("max").map(|max| (max == "*").then_some(u64::MAX).or_else(|| max.parse().ok()));
    let is_ordered = match (it.get("min").and_then(Value::as_u64), max.flatten()) {
        (Some(min), Some(max)) => min <= max,
        (None, _) | (_, None) => true,
    };
    let codes = ["code", "Coding", "CodeableConcept", "Quantity", "string", "uri"];
    let is_coded = it.items("type").is_empty() || types().any(|code| codes.contains(&code));
    let modifies = it.get("isModifier").and_then(Value::as_bool) == Some(true);
    let is_slice_name =
        |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_[]@".contains(&b));
    for (holds, key, words) in [
        (is_ordered, "eld-2", "Let min be no more than max."),
        (max != Some(None), "eld-3", "Give max as a number or *."),
        (!it.has("contentReference") || !is_typed, "eld-5", "Remove what contentReference already says."),
        (!fixed || it.items("type").len() <= 1, "eld-6", "Give a fixed value only where there is one type."),
        (!pattern || it.items("type").len() <= 1, "eld-7", "Give a pattern only where there is one type."),
        (!pattern || !fixed, "eld-8", "Give a pattern or a fixed value, not both."),
        (!it.has("binding") || is_coded, "eld-11", "Bind only codes, strings and URIs."),
        (are_distinct(types()), "eld-13", "Give each type once."),
        (are_distinct(keys), "eld-14", "Give each constraint a key of its own."),
        (
            !it.has_choice("defaultValue") || !it.has("meaningWhenMissing"),
            "eld-15",
            "Give a default or a meaning, not both.",
        ),
        (
            it.text("sliceName").is_none_or(is_slice_name),
            "eld-16",
            "Name slices with letters, digits, - and _.",
        ),
        (!modifies || it.has("isModifierReason"), "eld-18", "Add the isModifierReason."),
        (
            it.text("path").is_none_or(is_path),
            "eld-19",
            "Name elements without special characters, 64 letters at most.",
        ),
        (!it.has("sliceIsConstraining") || it.has("sliceName"), "eld-22", "Add the sliceName."),
    ] {
        report.demand(holds, key, it.path, words);
    }
    if it.items("constraint").iter().any(|constraint| constraint.get("expression").is_none()) {
        let words = "eld-21: Add the FHIRPath expression of each constraint.";
        report.warning(IssueType::Invariant, &it.path.name("constraint"), words);
    }
}

fn is_path(path: &str) -> bool {
    path.split('.').all(|step| {
        let step = step.split_once(':').map_or(step, |(step, _)| step);
        let step = step.strip_suffix("[x]").unwrap_or(step);
        let is_special = |c: char| c.is_whitespace() || ",;'\"/|?!@#$%&*()[]{}".contains(c);
        !step.is_empty() && step.chars().count() <= 64 && !step.contains(is_special)
    })
}
