//! The invariants of R4 as code, each named by its key (<https://hl7.org/fhir/R4/conformance-rules.html#constraints>).
//!
//! The definitions carry them as FHIRPath; here each is a line of Rust, found once per type when the
//! definitions are read. Not here: ele-1 (the walk), ref-1 (references), txt-1 and txt-2 (the narrative),
//! ppc-2 to ppc-5 (they name the system `something` and never fire) and dom-6 (advice).

mod bundle;
mod conformance;
mod contained;
mod datatype;
mod element_definition;
mod people;
mod questionnaire;
mod structure;
mod timing;

pub(super) use contained::check as check_contained;

use super::report::{Object, Report};

/// Judges an object by the invariants of its type.
pub(super) type Check = fn(&Object<'_>, &mut Report);

/// The invariants of a type, or of an element that has elements of its own.
pub(super) fn of(path: &str) -> Option<Check> {
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

/// `isDistinct()`.
fn are_distinct<T: Eq + std::hash::Hash>(values: impl IntoIterator<Item = T>) -> bool {
    let mut seen = std::collections::HashSet::new();
    values.into_iter().all(|value| seen.insert(value))
}

/// A text of a value, if it is an object that has it.
fn text<'v>(value: &'v serde_json::Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(serde_json::Value::as_str)
}

/// The names that code generators like: a warning where one is not (cpb-0, csd-0, opd-0, que-0, sdf-0, spd-0, vsd-0).
fn machine_name(object: &Object<'_>, key: &str, report: &mut Report) {
    let is_fit = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.len() <= 255
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if object.text("name").is_some_and(|name| !is_fit(name)) {
        let words = format!("{key}: Use a name of letters, digits and _ that begins with a capital letter.");
        report.warning(crate::outcome::IssueType::Invariant, &object.path.name("name"), words);
    }
}
