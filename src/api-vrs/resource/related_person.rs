//! A relationship as a RelatedPerson (contract §4.2).

use serde_json::{Map, Value, json};

use crate::resource::identifier::nhs_identifier;
use crate::resource::patient::demographics;
use domain::person::Person;
use domain::proxy::Relationship;
use domain::proxy::relationship::RelationshipCode;

/// Renders a relationship: the identifier is the proxy's; the codes state what the proxy is to the patient.
/// With `patient`, name and birth date are the *patient's*, as the contract requires.
pub(crate) fn related_person(relationship: &Relationship, patient: Option<&Person>) -> Value {
    let mut rendered = Map::new();
    rendered.insert("resourceType".to_owned(), "RelatedPerson".into());
    rendered.insert("id".to_owned(), relationship.id.as_str().into());
    rendered.insert("identifier".to_owned(), json!([nhs_identifier(relationship.proxy)]));
    let reference = json!({ "type": "Patient", "identifier": nhs_identifier(relationship.patient) });
    rendered.insert("patient".to_owned(), reference);
    if !relationship.codes.is_empty() {
        rendered.insert("relationship".to_owned(), relationship.codes.iter().map(concept).collect());
    }
    if let Some(patient) = patient {
        demographics(patient, &mut rendered);
    }
    Value::Object(rendered)
}

fn concept(code: &RelationshipCode) -> Value {
    let mut coding = Map::new();
    coding.insert("system".to_owned(), code.system.as_str().into());
    coding.insert("code".to_owned(), code.code.as_str().into());
    if let Some(display) = &code.display {
        coding.insert("display".to_owned(), display.as_str().into());
    }
    json!({ "coding": [coding] })
}
