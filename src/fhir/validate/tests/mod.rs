//! Every check with a document that passes and one that fails.

mod answers;
mod elements;
mod invariants;
mod profiles;
mod prose;

use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

use super::{validate, validate_profile};
use crate::outcome::{Issue, Severity};

/// A proxy role that R4 and our profile accept without an issue, except the extensible binding of
/// `policyRule`: R4 has no code for a legal basis.
pub(super) fn role() -> Value {
    json!({
        "resourceType": "Consent",
        "id": "a",
        "extension": [
            {
                "url": "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-Consent-Status-Reason",
                "valueCodeableConcept": { "coding": [{
                    "system": "https://fhir.nhs.uk/England/CodeSystem/England-ConsentStatusReason",
                    "code": "ROLE_CREATED",
                }]},
            },
            {
                "url": "https://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.grantor",
                "valueReference": {
                    "type": "Organization",
                    "identifier": { "system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "A81001" },
                },
            },
        ],
        "status": "active",
        "scope": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy",
        }]},
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "INFA",
        }]}],
        "patient": { "identifier": { "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9000000009" } },
        "dateTime": "2026-01-02T10:00:00Z",
        "performer": [{ "identifier": { "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9000000017" } }],
        "policyRule": { "coding": [{
            "system": "https://fhir.nhs.uk/England/CodeSystem/England-NHSProxyLegalBasis", "code": "consent",
        }]},
        "provision": {
            "type": "permit",
            "period": { "start": "2026-01-02", "end": "2026-12-31" },
            "actor": [{
                "role": { "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP",
                }]},
                "reference": {
                    "type": "RelatedPerson",
                    "identifier": { "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9000000017" },
                },
            }],
        },
    })
}

/// The document with the value at the JSON pointer set, or removed where it is null.
pub(super) fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")) {
        Value::Object(members) if value.is_null() => {
            members.shift_remove(name).unwrap();
        }
        Value::Object(members) => {
            members.insert(name.to_owned(), value);
        }
        Value::Array(items) => match name.parse::<usize>().unwrap() {
            index if index == items.len() => items.push(value),
            index if value.is_null() => {
                items.remove(index);
            }
            index => items[index] = value,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("{pointer}"),
    }
    document
}

/// The errors, or the warnings, as `code expression: words`.
pub(super) fn messages(issues: &[Issue], severity: Severity) -> Vec<String> {
    let of_severity = issues.iter().filter(|issue| issue.severity == severity);
    of_severity
        .map(|it| {
            format!("{} {}: {}", it.code.code(), it.expression.as_deref().unwrap_or_default(), it.diagnostics)
        })
        .collect()
}

/// The errors of a document of the type that it names.
pub(super) fn errors(document: &Value) -> Vec<String> {
    let name = document["resourceType"].as_str().unwrap();
    messages(&validate(document, name), Severity::Error)
}

pub(super) fn warnings(document: &Value) -> Vec<String> {
    let name = document["resourceType"].as_str().unwrap();
    messages(&validate(document, name), Severity::Warning)
}

/// Each change leads to exactly these errors.
pub(super) fn assert_each(base: &Value, rows: &[(&str, Value, &[&str])]) {
    assert_eq!(errors(base), Vec::<String>::new(), "the document is sound before it is changed");
    for (pointer, value, expected) in rows {
        let changed = with(base.clone(), pointer, value.clone());
        assert_eq!(errors(&changed), *expected, "{pointer} {value}");
    }
}

#[test]
fn published_samples_have_the_expected_issues() {
    for name in [
        "01-subscription-create-id-only",
        "10-handshake",
        "14-event-full-resource",
        "20-status-query-searchset",
        "24-events-request",
        "31-basic-subscription-topic",
        "41-consent-proxy",
        "42-relatedperson-proxy",
    ] {
        let path = format!("{}/../../tests/it/data/validate/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let document = base::json::parse(&std::fs::read(path).unwrap(), 64).unwrap();
        assert_eq!(errors(&document), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn examples_are_valid() {
    for (name, profile) in
        [("consent-create", crate::profiles::PROXY_ROLE), ("access-request", crate::profiles::ACCESS_REQUEST)]
    {
        let path = format!("{}/../../examples/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let document = base::json::parse(&std::fs::read(path).unwrap(), 64).unwrap();
        assert_eq!(
            messages(&validate_profile(&document, profile), Severity::Error),
            Vec::<String>::new(),
            "{name}"
        );
    }
}

#[test]
fn validation_messages_quote_no_document_value() {
    let secret = "9434765919 Ünsœn";
    let keys =
        [secret, "status", "_status", "patient", "scope", "category", "provision", "extension", "contained"];
    for key in keys {
        for value in [
            json!(secret),
            json!([secret]),
            json!({ secret: secret }),
            json!([{ "url": secret, secret: 1, "9434765919": 1 }]),
        ] {
            let document = with(role(), &format!("/{key}"), value.clone());
            for issue in validate(&document, "Consent") {
                let messages = format!("{} {}", issue.expression.unwrap_or_default(), issue.diagnostics);
                assert!(
                    !messages.contains("9434765919") && !messages.contains("Ünsœn"),
                    "{key} {value}: {messages}"
                );
            }
        }
    }
}

#[test]
fn validation_errors_are_limited_in_number() {
    let bad: Vec<Value> = (0..5_000).map(|_| json!({ "a": 1, "b": 2 })).collect();
    let issues = validate(&with(role(), "/identifier", json!(bad)), "Consent");
    assert_eq!(issues.iter().filter(|issue| issue.severity == Severity::Error).count(), 100);
    assert!(issues.last().unwrap().diagnostics.starts_with("There are more issues"));
}

/// Names of elements, and other names.
const NAMES: [&str; 45] = [
    "id",
    "_id",
    "meta",
    "profile",
    "text",
    "div",
    "status",
    "_status",
    "contained",
    "extension",
    "url",
    "valueString",
    "valueReference",
    "reference",
    "identifier",
    "system",
    "value",
    "period",
    "start",
    "end",
    "provision",
    "actor",
    "item",
    "linkId",
    "type",
    "entry",
    "resource",
    "resourceType",
    "parameter",
    "name",
    "part",
    "concept",
    "code",
    "differential",
    "snapshot",
    "element",
    "path",
    "min",
    "max",
    "given",
    "_given",
    "modifierExtension",
    "",
    "é",
    "_",
];

/// JSON that resembles FHIR, so that a walk gets far.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[ -~]{0,12}",
        "#[a-c]{0,2}",
        "(Patient|Consent|urn:uuid:|http://a/)[/?#a-c]{0,4}",
        "[0-9]{4}(-[0-9]{2}){0,2}(T[0-9:Z+.-]{0,12})?",
        "<div xmlns=\"http://www.w3.org/1999/xhtml\">[<>/=a-c\"&;]{0,9}",
        Just("active".to_owned()),
        Just("group".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        text.prop_map(Value::String),
    ];
    let name = prop::sample::select(NAMES.to_vec());
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| Value::Object(
                members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn validating_any_json_never_panics(
        document in any_json(),
        name in prop::sample::select(vec![
            "Consent", "Bundle", "Questionnaire", "QuestionnaireResponse", "StructureDefinition", "Parameters", "ValueSet",
            "RelatedPerson", "CodeSystem", "CapabilityStatement", "Subscription", "AuditEvent", "Observation",
        ]),
    ) {
        let mut members = document.as_object().cloned().unwrap_or_else(Map::new);
        members.insert("resourceType".to_owned(), name.into());
        let _issues = validate(&Value::Object(members), name);
        let _issues = validate(&document, name);
        let _issues = validate_profile(&document, crate::profiles::PROXY_ROLE);
    }

    #[test]
    fn validation_of_a_changed_role_never_panics(
        pointer in prop::sample::select(vec![
            "/status", "/extension", "/extension/0", "/extension/0/valueCodeableConcept", "/scope", "/scope/coding",
            "/category/0", "/patient", "/patient/identifier", "/performer", "/provision", "/provision/period",
            "/provision/actor/0/reference", "/text", "/contained", "/meta", "/_status",
        ]),
        value in any_json(),
    ) {
        if !value.is_null() {
            let document = with(role(), pointer, value);
            let _issues = validate_profile(&document, crate::profiles::PROXY_ROLE);
        }
    }
}
