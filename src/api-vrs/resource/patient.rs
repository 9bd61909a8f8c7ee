//! A person as a Patient (contract §4.3): only as an include.

use serde_json::{Map, Value, json};

use crate::resource::identifier::nhs_identifier;
use crate::url;
use domain::person::{HumanName, Person};

/// Whether the level of identity proofing is rendered: beside roles, not beside relationships.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProofingDisplay {
    Shown,
    Hidden,
}

/// Renders a person. The id is the NHS number, as in the national service.
pub(crate) fn patient(person: &Person, proofing: ProofingDisplay) -> Value {
    let mut patient = Map::new();
    patient.insert("resourceType".to_owned(), "Patient".into());
    patient.insert("id".to_owned(), person.nhs_number.as_str().into());
    if proofing == ProofingDisplay::Shown {
        let security = json!([{
            "system": url::IDENTITY_PROOFING, "code": "P9", "display": "High level verification (P9)",
        }]);
        patient.insert("meta".to_owned(), json!({ "security": security }));
    }
    patient.insert("identifier".to_owned(), json!([nhs_identifier(person.nhs_number)]));
    demographics(person, &mut patient);
    if let (ProofingDisplay::Shown, Some(practice)) = (proofing, &person.practice) {
        let identifier = json!({ "system": url::ODS_CODE, "value": practice.as_str() });
        let practitioner = json!([{ "type": "Organization", "identifier": identifier }]);
        patient.insert("generalPractitioner".to_owned(), practitioner);
    }
    Value::Object(patient)
}

/// Adds names and the date of birth.
pub(super) fn demographics(person: &Person, resource: &mut Map<String, Value>) {
    if !person.names.is_empty() {
        resource.insert("name".to_owned(), person.names.iter().map(name).collect());
    }
    if let Some(birth_date) = &person.birth_date {
        resource.insert("birthDate".to_owned(), birth_date.text().into());
    }
}

fn name(name: &HumanName) -> Value {
    let mut rendered = Map::new();
    rendered.insert("use".to_owned(), name.name_use.as_str().into());
    if let Some(family) = &name.family {
        rendered.insert("family".to_owned(), family.as_str().into());
    }
    for (key, parts) in [("given", &name.given), ("prefix", &name.prefix), ("suffix", &name.suffix)] {
        if !parts.is_empty() {
            rendered.insert(key.to_owned(), json!(parts));
        }
    }
    Value::Object(rendered)
}
