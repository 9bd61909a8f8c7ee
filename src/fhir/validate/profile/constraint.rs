//! The constraints of a profile: rules between elements, written in FHIRPath
//! (<https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.constraint>).

use serde_json::Value;

use super::super::report::{Report, values_of};
use crate::fhirpath::{Expression, render_location};
use crate::outcome::IssueType;

/// A constraint on every element of a path.
pub(super) struct Constraint {
    path: Expression,
    holds: Expression,
    words: String,
    is_error: bool,
}

/// The constraints of a StructureDefinition. A test ensures that every expression can be parsed.
pub(super) fn read(structure: &Value) -> Vec<Constraint> {
    let differential = structure.get("differential").map(|view| values_of(view, "element"));
    let elements = differential.unwrap_or_default().iter();
    elements
        .flat_map(|element| values_of(element, "constraint").iter().filter_map(|it| one(element, it)))
        .collect()
}

fn one(element: &Value, constraint: &Value) -> Option<Constraint> {
    let text = |name: &str| constraint.get(name).and_then(Value::as_str);
    Some(Constraint {
        path: Expression::parse(element.get("path")?.as_str()?).ok()?,
        holds: Expression::parse(text("expression")?).ok()?,
        words: format!("{}: {}", text("key")?, text("human")?),
        is_error: text("severity")? == "error",
    })
}

/// Validates a resource at the location `at` of its document. Where an expression cannot be evaluated, the
/// rules for the type report the fault.
pub(super) fn check(constraints: &[Constraint], resource: &Value, at: &str, report: &mut Report) {
    for constraint in constraints {
        for location in constraint.path.locate(resource).unwrap_or_default() {
            if !matches!(constraint.holds.holds(resource, &location), Ok(false)) {
                continue;
            }
            let (at, words) = (render_location(at, &location), constraint.words.clone());
            if constraint.is_error {
                report.error(IssueType::Invariant, &at, words);
            } else {
                report.warning(IssueType::Invariant, &at, words);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{read, values_of};
    use crate::profiles;

    #[test]
    fn every_constraint_of_our_profiles_is_understood() {
        let mut count = 0;
        for profile in profiles::all().iter().filter(|it| it.resource_type == "StructureDefinition") {
            let elements = values_of(&profile.resource["differential"], "element");
            let written: usize = elements.iter().map(|it| values_of(it, "constraint").len()).sum();
            assert_eq!(read(&profile.resource).len(), written, "{}", profile.id);
            count += written;
        }
        assert!(count > 0);
    }
}
