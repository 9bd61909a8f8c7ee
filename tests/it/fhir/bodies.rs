//! Resources that this API accepts, to be changed by tests.

use serde_json::{Value, json};

use crate::support::bodies::{self, BASIS_SYSTEM, NHS};

/// The types of the resources that are compiled in: they are about no person, and no scope is needed to read them.
pub const DEFINITIONS: [&str; 7] = [
    "Questionnaire",
    "StructureDefinition",
    "CodeSystem",
    "ValueSet",
    "SearchParameter",
    "OperationDefinition",
    "Basic",
];

pub fn person(number: &str) -> Value {
    bodies::person(number)
}

/// An active role.
pub fn role(proxy: &str, patient: &str) -> Value {
    let concept = |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code }] });
    json!({
        "resourceType": "Consent",
        "extension": [bodies::reason("ROLE_CREATED"), bodies::grantor("A20047")],
        "status": "active",
        "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "INFA")],
        "patient": person(patient),
        "dateTime": "2026-11-20T09:00:00Z",
        "performer": [person(proxy)],
        "policyRule": concept(BASIS_SYSTEM, "parental-responsibility"),
        "provision": {
            "period": { "start": "2026-11-20", "end": "2027-11-20" },
            "actor": [{
                "role": concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP"),
                "reference": person(proxy),
            }],
        },
    })
}

/// A verified relationship.
pub fn relationship(proxy: &str, patient: &str) -> Value {
    json!({
        "resourceType": "RelatedPerson",
        "identifier": [{ "system": NHS, "value": proxy }],
        "active": true,
        "patient": person(patient),
        "relationship": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH", "display": "mother",
        }]}],
    })
}

/// An access request.
pub fn access_request(proxy: &str, patient: &str) -> Value {
    bodies::access_request(proxy, patient)
}

/// One resource of every type that clients write: with its URL's path.
pub fn one_of_each(proxy: &str, patient: &str) -> [(&'static str, Value); 3] {
    [
        ("/Consent", role(proxy, patient)),
        ("/RelatedPerson", relationship(proxy, patient)),
        ("/QuestionnaireResponse", access_request(proxy, patient)),
    ]
}

/// A FHIRPath Patch that replaces one element.
pub fn fhirpath_replace(path: &str, name: &str, value: Value) -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": "replace" },
        { "name": "path", "valueString": path },
        { "name": "value", name: value },
    ]}]})
}
