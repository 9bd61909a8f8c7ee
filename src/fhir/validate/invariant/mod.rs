//! The invariants of R4 as code, each named by its key
//! (<https://hl7.org/fhir/R4/conformance-rules.html#constraints>).
//!
//! The definitions carry them as FHIRPath; here each is a line of Rust, looked up once per type, with a
//! message that says what to do. They are not evaluated from FHIRPath: that would take an engine with regular
//! expressions, arithmetic, `trace`, `combine`, `iif` and `replaceMatches`, which patches and search do not
//! need, each with a bound on its cost, and `isDistinct` over the entries of a Bundle would make an item with
//! its location of each. A test compares the keys here with those of the definitions, so that none is
//! missing, and HL7's validator validates the same documents (`tests/clients`).
//!
//! Not here: ele-1 (the walk), ref-1 (references), txt-1 and txt-2 (the narrative), ppc-2 to ppc-5 (they name
//! the system `something` and never fire) and dom-6 (advice).

mod bundle;
mod conformance;
mod contained;
mod datatype;
mod element_definition;
mod people;
mod questionnaire;
mod structure;
mod text;
mod timing;

pub(super) use contained::check as check_contained;

use std::sync::LazyLock;

use super::report::{Object, Report};
use crate::structure::{TypeNode, r4};

/// Validates an object by the invariants of its type.
pub(super) type Check = fn(&Object<'_>, &mut Report);

/// The invariants of a type, or of an element that has elements of its own.
pub(super) fn of(node: &TypeNode) -> Option<Check> {
    static CHECKS: LazyLock<Vec<Option<Check>>> =
        LazyLock::new(|| r4().nodes().iter().map(|node| of_path(&node.path)).collect());
    CHECKS.get(node.index).copied().flatten()
}

fn of_path(path: &str) -> Option<Check> {
    let check: Check = match path {
        "Extension" => datatype::extension,
        "Identifier" => datatype::identifier,
        "Period" => datatype::period,
        "Attachment" => datatype::attachment,
        "Quantity" => datatype::quantity,
        "Age" => datatype::age,
        "Count" => datatype::count,
        "Distance" => datatype::distance,
        "Duration" => datatype::duration,
        "Range" => datatype::range,
        "Ratio" => datatype::ratio,
        "ContactPoint" => datatype::contact_point,
        "Expression" => datatype::expression,
        "DataRequirement.codeFilter" => datatype::code_filter,
        "DataRequirement.dateFilter" => datatype::date_filter,
        "Timing.repeat" => timing::repeat,
        "TriggerDefinition" => timing::trigger,
        "Consent" => people::consent,
        "Patient.contact" => people::patient_contact,
        "Organization" => people::organization,
        "AuditEvent.entity" => people::audit_entity,
        "Questionnaire" => questionnaire::questionnaire,
        "Questionnaire.item" => questionnaire::item,
        "Questionnaire.item.enableWhen" => questionnaire::enable_when,
        "QuestionnaireResponse.item" => questionnaire::response_item,
        "Bundle" => bundle::bundle,
        "Bundle.entry" => bundle::entry,
        "Parameters.parameter" => bundle::parameter,
        "CapabilityStatement" => conformance::capability_statement,
        "CapabilityStatement.rest" => conformance::rest,
        "CapabilityStatement.rest.resource" => conformance::rest_resource,
        "CodeSystem" => conformance::code_system,
        "ConceptMap" => conformance::concept_map,
        "ConceptMap.group.element.target" => conformance::map_target,
        "ConceptMap.group.unmapped" => conformance::map_unmapped,
        "ValueSet" => conformance::value_set,
        "ValueSet.compose.include" => conformance::include,
        "ValueSet.expansion.contains" => conformance::expansion_contains,
        "SearchParameter" => conformance::search_parameter,
        "OperationDefinition" => conformance::operation_definition,
        "OperationDefinition.parameter" => conformance::operation_parameter,
        "StructureDefinition" => structure::structure_definition,
        "StructureDefinition.mapping" => structure::mapping,
        "ElementDefinition" => element_definition::element,
        "ElementDefinition.slicing" => element_definition::slicing,
        "ElementDefinition.type" => element_definition::type_of,
        "ElementDefinition.binding" => element_definition::binding,
        _ => return None,
    };
    Some(check)
}
#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    #[derive(Deserialize)]
    struct File {
        rules: HashMap<String, Vec<String>>,
    }

    /// Rules of R4 that are elsewhere or need no code.
    const ELSEWHERE: [(&str, &str); 12] = [
        ("ref-1", "references"),
        ("txt-1", "the narrative"),
        ("txt-2", "the narrative"),
        ("ppc-2", "never fires: it names the system `something`"),
        ("ppc-3", "as ppc-2"),
        ("ppc-4", "as ppc-2"),
        ("ppc-5", "as ppc-2"),
        ("sdf-14", "sdf-16 and sdf-17 ask for it"),
        ("sdf-19", "of HL7's own definitions"),
        ("sdf-22", "of HL7's own definitions"),
        ("eld-20", "advice: a warning in R4"),
        ("eld-21", "advice: a warning in R4"),
    ];

    #[test]
    fn every_rule_of_the_definitions_is_coded_by_its_key() {
        let file: File = serde_json::from_str(include_str!("../../definitions/r4.json")).unwrap();
        let code = [
            include_str!("bundle.rs"),
            include_str!("conformance.rs"),
            include_str!("contained.rs"),
            include_str!("datatype.rs"),
            include_str!("element_definition.rs"),
            include_str!("people.rs"),
            include_str!("questionnaire.rs"),
            include_str!("structure.rs"),
            include_str!("text.rs"),
            include_str!("timing.rs"),
        ]
        .concat();
        let mut missing = Vec::new();
        for (path, keys) in &file.rules {
            for key in keys.iter().filter(|key| !code.contains(&format!("\"{key}\""))) {
                if !ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == key) {
                    missing.push(format!("{path}: {key}"));
                }
            }
        }
        assert!(!file.rules.is_empty() && missing.is_empty(), "{missing:?}");
    }
}
