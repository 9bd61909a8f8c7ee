//! References: the types that they may point to (<https://hl7.org/fhir/R4/references.html>).
//!
//! A target is validated where the reference itself names its type. Whether it exists is for the use case.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::report::{Object, Report, items};
use crate::outcome::IssueType;
use crate::structure::Definitions;

/// The target of a reference, by its text.
enum Target<'a> {
    /// A resource type of R4.
    Type(&'a str),
    /// Unknown: a UUID, a URL of no known form, a part of this document.
    Unknown,
    /// `Something/id`, where R4 has no such type.
    NoType,
    /// `#id`, where no contained resource has that id.
    NotContained,
}

/// The contained resources, by their ids: the targets of `#id`.
#[derive(Default)]
pub(super) struct Contained<'v>(HashMap<&'v str, &'v Value>);

impl<'v> Contained<'v> {
    pub(super) fn of(root: Option<&'v Map<String, Value>>) -> Self {
        let contained = root.map(|root| items(root, "contained")).unwrap_or_default();
        let mut by_id = HashMap::new();
        for resource in contained {
            if let Some(id) = resource.get("id").and_then(Value::as_str) {
                by_id.entry(id).or_insert(resource);
            }
        }
        Self(by_id)
    }
}

/// Validates a reference that may point to `targets` (to anything where there are none).
pub(super) fn check(
    definitions: &Definitions,
    reference: &Object<'_>,
    targets: &[String],
    contained: &Contained<'_>,
    report: &mut Report,
) {
    let at = |member| reference.path.name(member);
    if reference.text("reference").is_some_and(|text| text.contains(char::is_whitespace)) {
        report.error(IssueType::Value, &at("reference"), "Write the reference without spaces.");
    }
    if reference.text("type").is_some_and(|name| !definitions.is_resource_type(name)) {
        let words = "Name a resource type of R4, as in Patient: a URL stands here for logical models only.";
        report.error(IssueType::Value, &at("type"), words);
    }
    let declared = reference.text("type").filter(|name| definitions.is_resource_type(name));
    let literal = match reference.text("reference").map(|text| target(definitions, text, contained)) {
        Some(Target::Type(name)) => Some(name),
        None | Some(Target::Unknown) => None,
        Some(Target::NotContained) => {
            report.demand(
                false,
                "ref-1",
                &reference.path.name("reference"),
                "Contain the resource that # names.",
            );
            None
        }
        Some(Target::NoType) => {
            let words = "Begin a relative reference with a resource type of R4, as in Patient/1.";
            report.error(IssueType::Value, &reference.path.name("reference"), words);
            None
        }
    };
    if let (Some(literal), Some(declared)) = (literal, declared)
        && literal != declared
    {
        let words = "Name the type that the reference points to, or leave the type out.";
        report.error(IssueType::Value, &reference.path.name("type"), words);
    }
    for (name, member) in [(literal, "reference"), (declared, "type")] {
        if name.is_some_and(|name| !targets.is_empty() && !targets.iter().any(|target| target == name)) {
            let words = format!("Point to one of these resource types: {}.", targets.join(", "));
            report.error(IssueType::Value, &reference.path.name(member), words);
        }
    }
}

fn target<'a>(definitions: &Definitions, text: &'a str, contained: &'a Contained<'_>) -> Target<'a> {
    if let Some(id) = text.strip_prefix('#') {
        return match contained.0.get(id) {
            Some(resource) => {
                let name = resource.get("resourceType").and_then(Value::as_str);
                let name = name.filter(|name| definitions.is_resource_type(name));
                name.map_or(Target::Unknown, Target::Type)
            }
            None if id.is_empty() => Target::Unknown,
            None => Target::NotContained,
        };
    }
    let is_absolute = text.contains(':');
    if let Some((name, _)) = text.split_once('?').filter(|_| !is_absolute) {
        return if definitions.is_resource_type(name) { Target::Type(name) } else { Target::NoType };
    }
    let place = text.split_once("/_history/").map_or(text, |(place, _)| place);
    let mut steps = place.rsplit('/');
    match (steps.next(), steps.next()) {
        (Some(_), Some(name)) if definitions.is_resource_type(name) => Target::Type(name),
        (_, _) if is_absolute => Target::Unknown,
        (_, _) => Target::NoType,
    }
}
