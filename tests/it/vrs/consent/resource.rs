//! Contract §4.1, §4.2 and §4.3: every element of the Consents, Patients and relationships of Consent
//! answers.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp};
use crate::vrs::known::{ACTIVE, CHILD, MOTHER, MOTHERS_ROLE, PROPOSED, REJECTED, consent};
use crate::vrs::validated::validated;

const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";

fn nhs(number: &str) -> Value {
    json!({ "system": NHS, "value": number })
}

fn reason(code: &str, display: &str) -> Value {
    json!({
        "url": "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-Consent-Status-Reason",
        "valueCodeableConcept": { "coding": [{
            "system": "https://fhir.nhs.uk/England/CodeSystem/England-ConsentStatusReason",
            "code": code,
            "display": display,
        }]},
    })
}

fn grantor(ods: &str) -> Value {
    json!({
        "url": "https://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.grantor",
        "valueReference": {
            "type": "Organization",
            "identifier": { "system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": ods },
        },
    })
}

/// The role as the contract shows it.
fn expected() -> Value {
    json!({
        "resourceType": "Consent",
        "id": MOTHERS_ROLE,
        "meta": { "lastUpdated": "2025-02-17T14:30:00Z" },
        "extension": [reason("ROLE_CREATED", "Role created"), grantor("G8101234")],
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
        "patient": { "type": "Patient", "identifier": nhs(CHILD) },
        "dateTime": "2024-07-21T17:32:28Z",
        "performer": [{ "identifier": nhs(MOTHER) }],
        "policy": [{
            "authority": "https://www.england.nhs.uk",
            "uri": "https://digital.nhs.uk/data-and-information/information-standards/governance/latest-activity/standards-and-collections/dapb3051-identity-verification-and-authentication-standard-for-digital-health-and-care-services",
        }],
        "policyRule": { "coding": [{
            "system": "https://fhir.nhs.uk/England/CodeSystem/England-NHSProxyLegalBasis",
            "code": "parental-responsibility",
            "display": "Parental responsibility",
        }]},
        "provision": {
            "type": "permit",
            "period": { "start": "2025-02-11", "end": "2099-12-31T23:59:59Z" },
            "actor": [{
                "role": { "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                    "code": "IRCP",
                    "display": "information recipient",
                }]},
                "reference": { "type": "RelatedPerson", "identifier": nhs(MOTHER) },
            }],
        },
    })
}

fn resource(bundle: &Value, kind: &str, id: &str) -> Value {
    let mut entries = bundle["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]);
    entries.find(|found| found["resourceType"] == kind && found["id"] == id).cloned().unwrap_or_default()
}

#[rstest]
#[actix_web::test]
async fn a_role_has_every_element_of_the_contract_on_read_and_on_search(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let read = validated(&app.get(&consent(MOTHERS_ROLE)).await);
    assert_eq!(resource(&read, "Consent", MOTHERS_ROLE), expected());
    let search = format!("/Consent?performer:identifier={MOTHER}&patient:identifier={CHILD}");
    assert_eq!(resource(&validated(&app.get(&search).await), "Consent", MOTHERS_ROLE), expected());
}

#[rstest]
#[actix_web::test]
async fn every_status_reason_basis_and_period_is_shown_as_it_is(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let with_text = {
        let mut other = reason("OTHER", "Other reason");
        other["valueCodeableConcept"]["text"] = json!("Patient would not respond to phone calls");
        other
    };
    let rows = [
        (ACTIVE, "active", reason("ROLE_CREATED", "Role created"), json!({ "start": "2025-02-11" })),
        (
            REJECTED,
            "rejected",
            reason("APPLICATION_REJECTED_NO_CONSENT", "Patient does not consent"),
            json!({ "start": "2025-02-11" }),
        ),
        (
            PROPOSED,
            "proposed",
            reason("APPLICATION_SUBMITTED", "Application submitted online"),
            json!({ "start": "2025-02-11", "end": "2099-12-31T23:59:59Z" }),
        ),
        (
            "61654dcf-f94c-570f-ae71-78da67e63a0a",
            "inactive",
            with_text,
            json!({ "start": "2025-02-11", "end": "2026-02-11" }),
        ),
    ];
    for (id, status, reason, period) in rows {
        let role = resource(&validated(&app.get(&consent(id)).await), "Consent", id);
        assert_eq!(role["status"], status, "{id}");
        assert_eq!(role["extension"], json!([reason, grantor("G8101234")]), "{id}");
        assert_eq!(role["provision"]["period"], period, "{id}");
    }
}

#[rstest]
#[actix_web::test]
async fn every_legal_basis_has_its_system_and_its_words(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let england = "https://fhir.nhs.uk/England/CodeSystem/England-NHSProxyLegalBasis";
    let null = "https://terminology.hl7.org/CodeSystem/v3-NullFlavor";
    let rows = [
        ("f6103b97-6f3d-55f8-97e1-0c0dc3cee018", null, "UNK", "Unknown"),
        ("e7988cf6-4cae-539b-9e8f-25baf61248bd", england, "best-interest", "Best interest"),
        (
            "398d9b9e-799a-533c-b0fb-22887190b7fd",
            england,
            "court-appointed-personal-welfare-deputy",
            "Court appointed personal welfare deputy",
        ),
        (MOTHERS_ROLE, england, "parental-responsibility", "Parental responsibility"),
    ];
    for (id, system, code, display) in rows {
        let role = resource(&validated(&app.get(&consent(id)).await), "Consent", id);
        let expected = json!({ "coding": [{ "system": system, "code": code, "display": display }] });
        assert_eq!(role["policyRule"], expected, "{code}");
    }
}

/// §4.3: proofing and practice are shown beside roles.
#[rstest]
#[actix_web::test]
async fn an_included_patient_has_every_element_of_the_contract(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = format!("{}?_include=Consent:performer&_include=Consent:patient", consent(MOTHERS_ROLE));
    let bundle = validated(&app.get(&path).await);
    let person = |number: &str, name: Value, born: &str| {
        json!({
            "resourceType": "Patient",
            "id": number,
            "meta": { "security": [{
                "system": "https://fhir.nhs.uk/England/CodeSystem/England-NHSIdentityProofingLevel",
                "code": "P9",
                "display": "High level verification (P9)",
            }]},
            "identifier": [nhs(number)],
            "name": [name],
            "birthDate": born,
            "generalPractitioner": [{
                "type": "Organization",
                "identifier": { "system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "ODS12345" },
            }],
        })
    };
    let lisa = json!({ "use": "usual", "family": "Thompson", "given": ["Lisa"], "prefix": ["Mrs"] });
    let jane = json!({ "use": "usual", "family": "Smith", "given": ["Jane Marie Anne"], "prefix": ["Miss"] });
    assert_eq!(resource(&bundle, "Patient", MOTHER), person(MOTHER, lisa, "1990-07-18"));
    assert_eq!(resource(&bundle, "Patient", CHILD), person(CHILD, jane, "2022-10-22"));
}

/// §4.2: beside roles a relationship carries neither name nor birth date, and each coding is a concept.
#[rstest]
#[actix_web::test]
async fn an_included_relationship_has_every_element_of_the_contract(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = format!("{}?_include=Consent:performer", consent(MOTHERS_ROLE));
    let bundle = validated(&app.get(&path).await);
    let id = "7cb6563b-1bc3-58e6-9ced-d3c7fe6b485a";
    let concept = |code: &str, display: &str| {
        json!({ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": code, "display": display,
        }]})
    };
    let expected = json!({
        "resourceType": "RelatedPerson",
        "id": id,
        "identifier": [nhs(MOTHER)],
        "patient": { "type": "Patient", "identifier": nhs(CHILD) },
        "relationship": [concept("PRN", "parent"), concept("MTH", "mother")],
    });
    assert_eq!(resource(&bundle, "RelatedPerson", id), expected);
}
