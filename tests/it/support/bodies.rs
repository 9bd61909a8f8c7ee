//! Bodies that the contract accepts, to be changed by tests.

use serde_json::{Value, json};

pub const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";
pub const ODS: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
pub const REASON_EXTENSION: &str =
    "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-Consent-Status-Reason";
pub const REASON_SYSTEM: &str = "https://fhir.nhs.uk/England/CodeSystem/England-ConsentStatusReason";
pub const GRANTOR_EXTENSION: &str = "https://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.grantor";
pub const BASIS_SYSTEM: &str = "https://fhir.nhs.uk/England/CodeSystem/England-NHSProxyLegalBasis";

pub fn person(number: &str) -> Value {
    json!({ "identifier": { "system": NHS, "value": number } })
}

pub fn reason(code: &str) -> Value {
    json!({
        "url": REASON_EXTENSION,
        "valueCodeableConcept": { "coding": [{ "system": REASON_SYSTEM, "code": code }] },
    })
}

pub fn reason_with_text(code: &str, text: &str) -> Value {
    let mut reason = reason(code);
    reason["valueCodeableConcept"]["text"] = text.into();
    reason
}

pub fn grantor(ods: &str) -> Value {
    json!({
        "url": GRANTOR_EXTENSION,
        "valueReference": { "type": "Organization", "identifier": { "system": ODS, "value": ods } },
    })
}

/// A Consent for `POST /Consent`: active, created, granted.
pub fn consent(proxy: &str, patient: &str) -> Value {
    json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": { "coding": [{
            "system": "https://terminology.hl7.org/CodeSystem/consentscope",
            "code": "patient-privacy",
            "display": "Privacy Consent",
        }]},
        "category": [{ "coding": [{
            "system": "https://terminology.hl7.org/CodeSystem/v3-ActCode",
            "code": "INFA",
            "display": "information access",
        }]}],
        "patient": { "type": "Patient", "identifier": { "system": NHS, "value": patient } },
        "dateTime": "2026-11-20T09:00:00Z",
        "performer": [person(proxy)],
        "policyRule": { "coding": [{
            "system": BASIS_SYSTEM, "code": "parental-responsibility", "display": "Parental responsibility",
        }]},
        "provision": {
            "period": { "start": "2026-11-20", "end": "2027-11-20" },
            "actor": [{ "reference": { "type": "RelatedPerson", "identifier": { "system": NHS, "value": proxy } } }],
        },
        "extension": [reason("ROLE_CREATED"), grantor("A20047")],
    })
}

/// A JSON Patch that moves a role, with status reason and grantor in one array as the contract has it.
pub fn move_to(status: &str, extensions: &[Value]) -> Value {
    json!([
        { "op": "replace", "path": "/status", "value": status },
        { "op": "add", "path": "/extension/-", "value": extensions },
    ])
}

/// A JSON Patch that suspends a role, for the R4 API: the reason is the first extension.
pub fn suspend() -> Value {
    json!([
        { "op": "replace", "path": "/status", "value": "inactive" },
        { "op": "replace", "path": "/extension/0", "value": reason("ROLE_SUSPENDED_PENDING_REVIEW") },
    ])
}

fn group(link_id: &str, items: Value) -> Value {
    json!({ "linkId": link_id, "text": link_id, "item": items })
}

fn answer(link_id: &str, answer: Value) -> Value {
    json!({ "linkId": link_id, "text": link_id, "answer": [answer] })
}

/// A QuestionnaireResponse for `POST /QuestionnaireResponse`: the proxy applies.
pub fn access_request(proxy: &str, patient: &str) -> Value {
    let typed =
        |kind: &str, number: &str| json!({ "type": kind, "identifier": { "system": NHS, "value": number } });
    json!({
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "authored": "2026-11-21T10:15:00.123Z",
        "source": typed("RelatedPerson", proxy),
        "subject": typed("Patient", patient),
        "questionnaire": "https://example.nhs.uk/Questionnaire/4c6f0a0e-27a4-4a3f-9c9a-33dbf9b7f8aa",
        "item": [
            group("relatedPerson", json!([
                answer("relatedPerson_identifier", json!({ "valueString": proxy })),
                group("relatedPerson_name", json!([
                    answer("relatedPerson_name_first", json!({ "valueString": "Jack" })),
                    answer("relatedPerson_name_family", json!({ "valueString": "Jones" })),
                ])),
                answer("relatedPerson_birthDate", json!({ "valueDate": "1970-02-15" })),
                answer("relatedPerson_basisForAccess", json!({ "valueCoding": {
                    "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "PRN", "display": "Parent",
                }})),
                answer("relatedPerson_relationship", json!({ "valueCoding": {
                    "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "PRN", "display": "Parent",
                }})),
            ])),
            group("parentalApplicationSupplementaryDetails", json!([
                answer("parentalApplicationSupplementaryDetails_isCurrentAddressConfirmed", json!({ "valueBoolean": true })),
                answer("parentalApplicationSupplementaryDetails_liveAtSameAddress", json!({ "valueString": "Yes" })),
            ])),
            group("patient", json!([answer("patient_identifier", json!({ "valueString": patient }))])),
            group("requestedAccess", json!([
                answer("requestedAccess_accessLevel", json!({ "valueCoding": {
                    "system": "https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-RequestedAccess", "code": "APPT",
                }})),
                answer("requestedAccess_reasonsForAccess", json!({ "valueCoding": {
                    "system": "https://fhir.nhs.uk/CodeSystem/Proxy-Placeholder-ReasonForAccess", "code": "PRAC",
                }})),
            ])),
        ],
    })
}
