//! Applies the rules of a profile to a document.

use serde_json::Value;

use super::super::binding::{canonical_system, has_coding};
use super::super::report::{Object, Path, Report, values};
use super::rule::{ProfileBinding, Rule};
use crate::outcome::IssueType;

/// Validates an object by the rules for its elements. `profile` is its name in messages.
pub(super) fn apply(rule: &Rule, object: &Object<'_>, profile: &str, report: &mut Report) {
    for inner in &rule.inner {
        element(inner, object, profile, report);
    }
}

/// Validates an element of an object, or one slice of it.
fn element(rule: &Rule, object: &Object<'_>, profile: &str, report: &mut Report) {
    let named = object.path.name(&rule.name);
    let (type_name, value) = match (rule.is_choice, object.choice(&rule.name)) {
        (true, Some((type_name, value))) => (Some(type_name), Some(value)),
        (true, None) => (None, None),
        (false, _) => (None, object.get(&rule.name)),
    };
    let typed = type_name.map(|type_name| named.of_type(type_name));
    let at = typed.as_ref().unwrap_or(&named);
    let all = value.map(values).unwrap_or_default();
    let is_array = value.is_some_and(Value::is_array);
    let is_chosen = |value: &Value| rule.slice.is_none() || is_of_slice(rule, value);
    let chosen: Vec<(usize, &Value)> = all.iter().enumerate().filter(|(_, value)| is_chosen(value)).collect();
    // An element without a value, but with extensions, is present.
    let is_extended = value.is_none() && rule.slice.is_none() && object.has(&rule.name);
    count(rule, chosen.len().max(usize::from(is_extended)), at, profile, report);
    if rule.max == Some(0) {
        return;
    }
    let is_allowed =
        |name: &str| rule.types.iter().any(|allowed| capital_free(allowed) == capital_free(name));
    if type_name.is_some_and(|name| !rule.types.is_empty() && !is_allowed(name)) {
        let words = format!("Give this element as {}: {profile} demands it.", rule.types.join(" or "));
        return report.error(IssueType::Invariant, at, words);
    }
    for (index, value) in chosen {
        let item = at.index(index);
        one(rule, value, if is_array { &item } else { at }, profile, report);
    }
}

/// The name of a type with a lower-case first letter: `valueString` holds a `string`.
fn capital_free(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn count(rule: &Rule, count: usize, at: &Path<'_>, profile: &str, report: &mut Report) {
    let what =
        rule.slice.as_ref().map_or_else(|| rule.name.clone(), |slice| format!("{} ({slice})", rule.name));
    if count < rule.min {
        report.error(IssueType::Required, at, format!("Add {what}: {profile} demands it."));
    }
    match rule.max {
        Some(0) if count > 0 => {
            report.error(IssueType::Invariant, at, format!("Remove {what}: {profile} has no place for it."));
        }
        Some(max) if count > max => {
            let words = format!("Give {what} no more than {max} time(s): {profile} demands it.");
            report.error(IssueType::Invariant, at, words);
        }
        Some(_) | None => {}
    }
}

/// Validates one value of an element.
fn one(rule: &Rule, value: &Value, at: &Path<'_>, profile: &str, report: &mut Report) {
    let is_fixed = rule.fixed.as_ref().is_none_or(|fixed| fixed == value);
    let is_alike = rule.slice.is_some() || rule.pattern.as_ref().is_none_or(|pattern| holds(pattern, value));
    if let Some(expected) = rule.fixed.as_ref().or(rule.pattern.as_ref()).filter(|_| !is_fixed || !is_alike) {
        report.error(IssueType::Value, at, format!("Give this element as {profile} has it: {expected}."));
    }
    if let Some(binding) = &rule.binding {
        bound(binding, value, at, report);
    }
    if let Some(members) = value.as_object() {
        apply(rule, &Object { members, path: at }, profile, report);
    }
}

fn bound(binding: &ProfileBinding, value: &Value, at: &Path<'_>, report: &mut Report) {
    let is_bound = match value.as_str() {
        Some(code) => binding.codes.has_code(code),
        None => has_coding(&binding.codes, value),
    };
    if is_bound {
        return;
    }
    let words = format!("Use a code of the value set {}.", binding.url);
    if binding.is_required {
        report.error(IssueType::CodeInvalid, at, words);
    } else {
        report.warning(IssueType::CodeInvalid, at, words);
    }
}

fn is_of_slice(rule: &Rule, value: &Value) -> bool {
    let url = || value.get("url").and_then(Value::as_str);
    rule.extension_url.as_deref().is_none_or(|expected| url() == Some(expected))
        && rule.pattern.as_ref().is_none_or(|pattern| holds(pattern, value))
}

/// Whether a value includes the whole pattern
/// (<https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_>). HL7's systems
/// are the same with `http://` and with `https://`.
fn holds(pattern: &Value, value: &Value) -> bool {
    match (pattern, value) {
        (Value::Object(pattern), Value::Object(value)) => {
            pattern.iter().all(|(key, pattern)| value.get(key).is_some_and(|value| holds(pattern, value)))
        }
        (Value::Array(pattern), Value::Array(value)) => {
            pattern.iter().all(|pattern| value.iter().any(|value| holds(pattern, value)))
        }
        (Value::String(pattern), Value::String(value)) => {
            canonical_system(pattern) == canonical_system(value)
        }
        (_, _) => pattern == value,
    }
}
