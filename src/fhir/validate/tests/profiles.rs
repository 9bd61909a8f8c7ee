//! Our profiles: each rule with a document that satisfies it and one that breaks it (V-08).

use serde_json::{Value, json};

use super::{errors, messages, role, warnings, with};
use crate::outcome::Severity;
use crate::profiles;
use crate::profiles::{ACCESS_REQUEST, PROXY_RELATIONSHIP, PROXY_ROLE};
use crate::structure::{ElementContent, r4};
use crate::validate::validate_profile;

fn assert_profile(base: &Value, profile: &str, rows: &[(&str, Value, &[&str])]) {
    let broken = |document: &Value| messages(&validate_profile(document, profile), Severity::Error);
    assert_eq!(broken(base), Vec::<String>::new(), "the document keeps the profile before it is changed");
    for (pointer, value, expected) in rows {
        let changed = with(base.clone(), pointer, value.clone());
        assert_eq!(broken(&changed), *expected, "{pointer} {value}");
    }
}

fn nhs(value: &str) -> Value {
    json!({ "identifier": { "system": "https://fhir.nhs.uk/Id/nhs-number", "value": value } })
}

const NHS_PATTERN: &str = r#"{"system":"https://fhir.nhs.uk/Id/nhs-number"}"#;

const PERSON: &str = "person-1: Name the person by reference, by NHS number (identifier), or by both.";

#[test]
fn a_proxy_role_is_about_a_patient_and_one_proxy_by_nhs_number() {
    let literal = json!({ "reference": "Patient/1" });
    let other = json!({ "identifier": { "system": "http://a", "value": "1" } });
    let no_value = json!({ "identifier": { "system": "https://fhir.nhs.uk/Id/nhs-number" } });
    let pattern = |at: &str| {
        format!("value Consent.{at}.identifier: Give this element as ProxyRole has it: {NHS_PATTERN}.")
    };
    let demands = |at: &str, what: &str| format!("required Consent.{at}: Add {what}: ProxyRole demands it.");
    let person = |at: &str| format!("invariant Consent.{at}: {PERSON}");
    let unnamed = json!({ "display": "a" });
    assert_profile(
        &role(),
        PROXY_ROLE,
        &[
            ("/patient", literal.clone(), &[]),
            ("/patient", unnamed.clone(), &[&person("patient")]),
            ("/patient", other.clone(), &[&pattern("patient")]),
            ("/patient", no_value.clone(), &[&demands("patient.identifier.value", "value")]),
            ("/performer", json!(null), &[&demands("performer", "performer")]),
            ("/performer/0", literal.clone(), &[]),
            ("/performer/0", unnamed.clone(), &[&person("performer[0]")]),
            ("/performer/0", other, &[&pattern("performer[0]")]),
            (
                "/performer/1",
                nhs("1"),
                &[
                    "invariant Consent.performer: Give performer no more than 1 time(s): ProxyRole demands it.",
                ],
            ),
            ("/provision/actor/0/reference", literal, &[]),
            ("/provision/actor/0/reference", unnamed, &[&person("provision.actor[0].reference")]),
            (
                "/provision/actor/0/reference",
                no_value,
                &[&demands("provision.actor[0].reference.identifier.value", "value")],
            ),
            ("/dateTime", json!(null), &[&demands("dateTime", "dateTime")]),
        ],
    );
    let words = "required Consent.patient: Add the patient: a consent of this scope is about one.";
    let without = with(role(), "/patient", json!(null));
    assert_eq!(
        messages(&validate_profile(&without, PROXY_ROLE), Severity::Error),
        [words, "required Consent.patient: Add patient: ProxyRole demands it."]
    );
}

#[test]
fn a_proxy_role_permits_information_access_for_privacy() {
    let code =
        |set: &str| format!("Use a code of the value set https://fhir.onbehalf.org.uk/R4/ValueSet/{set}.");
    let status = format!("code-invalid Consent.status: {}", code("proxy-role-status"));
    let basis = format!("code-invalid Consent.policyRule: {}", code("proxy-legal-basis"));
    let unknown = |scheme: &str| json!({ "system": format!("{scheme}://terminology.hl7.org/CodeSystem/v3-NullFlavor"), "code": "UNK" });
    let scope = r#"value Consent.scope: Give this element as ProxyRole has it: {"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]}."#;
    let category = "required Consent.category: Add category (informationAccess): ProxyRole demands it.";
    assert_profile(
        &role(),
        PROXY_ROLE,
        &[
            ("/status", json!("entered-in-error"), &[]),
            ("/status", json!("draft"), &[&status]),
            ("/scope/coding/0/code", json!("research"), &[scope]),
            ("/scope/coding/0/system", json!("https://terminology.hl7.org/CodeSystem/consentscope"), &[]),
            ("/category/0/coding/0/code", json!("INFAO"), &[category]),
            ("/category/0/coding/0/system", json!("https://terminology.hl7.org/CodeSystem/v3-ActCode"), &[]),
            ("/category/1", json!({ "text": "a" }), &[]),
            ("/policyRule/coding/0/code", json!("UNK"), &[&basis]),
            ("/policyRule/coding/0", unknown("http"), &[]),
            ("/policyRule/coding/0", unknown("https"), &[]),
            ("/policyRule", json!({ "text": "a" }), &[&basis]),
            (
                "/provision/type",
                json!("deny"),
                &["value Consent.provision.type: Give this element as ProxyRole has it: \"permit\"."],
            ),
            ("/provision/type", json!(null), &[]),
        ],
    );
}

#[test]
fn proxy_role_profile_forbids_unsupported_elements() {
    let remove = |path: &str, name: &str| {
        format!("invariant Consent.{path}: Remove {name}: ProxyRole has no place for it.")
    };
    assert_profile(
        &role(),
        PROXY_ROLE,
        &[
            ("/organization", json!([{ "display": "a" }]), &[&remove("organization", "organization")]),
            ("/verification", json!([{ "verified": true }]), &[&remove("verification", "verification")]),
            ("/sourceReference", json!({ "display": "a" }), &[&remove("source.ofType(Reference)", "source")]),
            ("/provision/code", json!([{ "text": "a" }]), &[&remove("provision.code", "code")]),
            (
                "/provision/provision",
                json!([{ "type": "deny" }]),
                &[&remove("provision.provision", "provision")],
            ),
        ],
    );
}

#[test]
fn proxy_role_requires_status_reason_and_grantor() {
    let value_reason = "extension[0].value.ofType(CodeableConcept)";
    let reason = "Add extension (statusReason): ProxyRole demands it.";
    let bound = format!(
        "code-invalid Consent.{value_reason}: Use a code of the value set https://fhir.onbehalf.org.uk/R4/ValueSet/proxy-status-reason."
    );
    let type_reason = "invariant Consent.extension[0].value.ofType(Reference): Give this element as CodeableConcept: \
         ExtensionEnglandConsentStatusReason demands it.";
    let ods = r#"value Consent.extension[1].value.ofType(Reference).identifier: Give this element as ExtensionConsentGrantor has it: {"system":"https://fhir.nhs.uk/Id/ods-organization-code"}."#;
    let twice =
        "invariant Consent.extension: Give extension (grantor) no more than 1 time(s): ProxyRole demands it.";
    let url = role()["extension"][0]["url"].clone();
    assert_profile(
        &role(),
        PROXY_ROLE,
        &[
            ("/extension/0", json!(null), &[&format!("required Consent.extension: {reason}")]),
            ("/extension/1", json!(null), &[]),
            ("/extension/2", role()["extension"][1].clone(), &[twice]),
            ("/extension/0/valueCodeableConcept/coding/0/code", json!("a"), &[&bound]),
            ("/extension/0", json!({ "url": url, "valueReference": { "display": "a" } }), &[type_reason]),
            ("/extension/1/valueReference/identifier/system", json!("http://a"), &[ods]),
            (
                "/extension/1/valueReference/identifier/value",
                json!(null),
                &[
                    "required Consent.extension[1].value.ofType(Reference).identifier.value: Add value: ExtensionConsentGrantor demands it.",
                ],
            ),
        ],
    );
    // A known extension is validated against its definition without any profile.
    assert_eq!(errors(&with(role(), "/extension/0/valueCodeableConcept/coding/0/code", json!("a"))), [bound]);
}

#[test]
fn a_proxy_relationship_names_both_people() {
    let mut related = json!({ "resourceType": "RelatedPerson", "patient": nhs("9000000009") });
    related["identifier"] = json!([nhs("9000000017")["identifier"]]);
    let slice =
        "required RelatedPerson.identifier: Add identifier (nhsNumber): ProxyRelationship demands it.";
    let value = "required RelatedPerson.identifier[0].value: Add value: ProxyRelationship demands it.";
    assert_profile(
        &related,
        PROXY_RELATIONSHIP,
        &[
            ("/identifier/1", json!({ "value": "1" }), &[]),
            ("/identifier/0/system", json!("http://a"), &[slice]),
            ("/identifier/0/value", json!(null), &[value]),
            (
                "/identifier",
                json!(null),
                &["required RelatedPerson.identifier: Add identifier: ProxyRelationship demands it.", slice],
            ),
            ("/patient", json!({ "reference": "Patient/1" }), &[]),
            ("/patient", json!({ "display": "a" }), &[&format!("invariant RelatedPerson.patient: {PERSON}")]),
        ],
    );
}

#[test]
fn access_request_profile_requires_status_and_source() {
    let mut request = json!({
        "resourceType": "QuestionnaireResponse",
        "questionnaire": "Questionnaire/1",
        "status": "completed",
        "subject": nhs("9000000009"),
        "authored": "2026-01-04",
        "source": nhs("9000000017"),
        "item": [{ "linkId": "a" }],
    });
    request["subject"]["type"] = "Patient".into();
    request["source"]["type"] = "RelatedPerson".into();
    let add =
        |name: &str| format!("required QuestionnaireResponse.{name}: Add {name}: AccessRequest demands it.");
    let draft = "invariant QuestionnaireResponse.status: status-1: Hand the form in when it is completed, or amend one that \
         was handed in: this service keeps no drafts, so keep a form in progress where it is filled in.";
    let untyped = "invariant QuestionnaireResponse.source: type-1: Say of which type the person is: give the type, or a \
         reference.";
    let source = "code-invalid QuestionnaireResponse.source.type: Use a code of the value set \
         https://fhir.onbehalf.org.uk/R4/ValueSet/access-request-source-type.";
    assert_profile(
        &request,
        ACCESS_REQUEST,
        &[
            ("/questionnaire", json!(null), &[&add("questionnaire")]),
            ("/authored", json!(null), &[&add("authored")]),
            ("/item", json!(null), &[&add("item")]),
            ("/source", json!(null), &[&add("source")]),
            ("/subject", json!(null), &[&add("subject")]),
            ("/source/type", json!("Practitioner"), &[source]),
            ("/status", json!("amended"), &[]),
            ("/status", json!("in-progress"), &[draft]),
            ("/subject", json!({ "reference": "Patient/1" }), &[]),
            ("/source", json!({ "reference": "RelatedPerson/1" }), &[]),
            (
                "/source",
                json!({ "display": "a", "type": "Patient" }),
                &[&format!("invariant QuestionnaireResponse.source: {PERSON}")],
            ),
            ("/source/type", json!(null), &[untyped]),
            (
                "/subject/type",
                json!("Group"),
                &[
                    "value QuestionnaireResponse.subject.type: Give this element as AccessRequest has it: \"Patient\".",
                ],
            ),
        ],
    );
}

/// V-08: a profile that `meta.profile` names is applied; an unknown one is reported.
#[test]
fn v_08_profiles_in_meta_profile_are_applied() {
    let draft = with(role(), "/status", json!("draft"));
    assert_eq!(errors(&draft), Vec::<String>::new());
    for claim in [PROXY_ROLE.to_owned(), format!("{PROXY_ROLE}|0.1.0")] {
        assert_eq!(errors(&with(draft.clone(), "/meta", json!({ "profile": [claim] }))).len(), 1);
    }
    let claimed = with(draft, "/meta", json!({ "profile": [PROXY_ROLE] }));
    assert_eq!(
        messages(&validate_profile(&claimed, PROXY_ROLE), Severity::Error).len(),
        1,
        "it is applied once"
    );
    let known = json!({ "profile": ["http://hl7.org/fhir/StructureDefinition/Consent"] });
    assert_eq!(warnings(&with(role(), "/meta", known)).len(), 1, "only that of the policyRule");
    for unknown in ["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Consent", PROXY_RELATIONSHIP] {
        let words = "not-supported Consent.meta.profile[0]: This service does not know this profile: the resource was not \
             checked against it.";
        let document = with(role(), "/meta", json!({ "profile": [unknown] }));
        assert_eq!(errors(&document), Vec::<String>::new());
        assert!(warnings(&document).iter().any(|it| it == words));
    }
    let words = "not-supported Consent: Ask for a profile of this resource type that this service knows: see its \
         StructureDefinitions.";
    assert_eq!(messages(&validate_profile(&role(), "http://a"), Severity::Error), [words]);
}

/// The position of an element in the order of R4, step by step; `None` for a path that R4 does not have.
fn place(type_name: &str, path: &str) -> Option<Vec<usize>> {
    let mut node = r4().type_node(type_name)?;
    let mut places = Vec::new();
    let steps: Vec<&str> = path.split('.').skip(1).collect();
    for (index, step) in steps.iter().enumerate() {
        let (name, is_choice) = step.strip_suffix("[x]").map_or((*step, false), |name| (name, true));
        places.push(node.elements.iter().position(|element| element.name == name)?);
        let key = if is_choice { format!("{name}Reference") } else { name.to_owned() };
        match node.members.get(&key).map(|member| &member.content) {
            Some(ElementContent::Node(inner)) => node = r4().node(*inner)?,
            _ if index + 1 < steps.len() => return None,
            _ => {}
        }
    }
    Some(places)
}

/// HL7's snapshot generator skips an element of a differential that follows a later one.
#[test]
fn the_differentials_of_our_profiles_are_in_the_order_of_r4() {
    let mut count = 0;
    for profile in profiles::all().iter().filter(|profile| profile.resource_type == "StructureDefinition") {
        let type_name = profile.resource["type"].as_str().unwrap();
        let elements = profile.resource["differential"]["element"].as_array().unwrap();
        let paths: Vec<&str> = elements.iter().map(|element| element["path"].as_str().unwrap()).collect();
        let places: Vec<Vec<usize>> =
            paths.iter().map(|path| place(type_name, path).unwrap_or_else(|| panic!("{path}"))).collect();
        for (index, pair) in places.windows(2).enumerate() {
            assert!(
                pair[0] <= pair[1],
                "{}: {} stands behind {}",
                profile.url,
                paths[index + 1],
                paths[index]
            );
        }
        count += 1;
    }
    assert_eq!(count, 5);
}
