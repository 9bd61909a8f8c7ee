//! Every search parameter that R4 has for the types of this server, from its definitions.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::Value;

use super::{assert_refused, bundle, get, link, total};
use crate::support::{Backend, Request, TestApp};

/// R4's parameters that no type here supports: there is no full-text search (`_content`, `_text`) and there
/// are no named queries. R4 defines `_list` and `_filter` beside its parameters; they are not supported
/// either.
const NOT_SERVED: [&str; 3] = ["_content", "_text", "_query"];

/// A search parameter: its type, and the URL of its definition.
type Described = (String, String);

/// R4's parameters, by type; those of every type stand under the empty name.
fn parameters() -> BTreeMap<String, BTreeMap<String, Described>> {
    let file = format!("{}/src/fhir/definitions/r4.json", env!("CARGO_MANIFEST_DIR"));
    let r4: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("a file")).expect("JSON");
    let types = r4["types"].as_object().expect("types").iter();
    let types = types.map(|(name, definition)| (name.clone(), definition["search"].clone()));
    let all = types.chain([(String::new(), r4["commonSearch"].clone())]);
    let read = |(name, search): (String, Value)| (name, serde_json::from_value(search).unwrap_or_default());
    all.map(read).collect()
}

fn a_value(kind: &str) -> &'static str {
    match kind {
        "date" => "2026-11-22",
        "reference" => "Patient/9000000009",
        "uri" => "https://elsewhere.example/x",
        "quantity" => "18||a",
        "composite" => "focus$18",
        _ => "x",
    }
}

// covers S-05, S-19, S-27, S-28
#[rstest]
#[actix_web::test]
async fn every_search_parameter_is_declared_and_accepted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let statement = get(&app, "metadata").await.json();
    let resources = statement["rest"][0]["resource"].as_array().expect("resources").clone();
    let mut body: BTreeMap<String, BTreeMap<String, Described>> = BTreeMap::new();
    // What stands beside the resources holds for every type.
    for resource in resources.iter().chain([&statement["rest"][0]]) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let params = resource["searchParam"].as_array().map(Vec::as_slice).unwrap_or_default();
        let param =
            |param: &Value| (text(&param["name"]), (text(&param["type"]), text(&param["definition"])));
        body.insert(text(&resource["type"]), params.iter().map(param).collect());
    }
    let r4 = parameters();
    for (kind, params) in &body {
        let of_r4 = &r4[kind];
        assert!(!of_r4.is_empty(), "{kind}");
        for (name, defined) in of_r4.iter().filter(|(name, _)| !NOT_SERVED.contains(&name.as_str())) {
            assert_eq!(params.get(name), Some(defined), "{kind}: {name}");
        }
        let is_r4s = |name: &String| of_r4.contains_key(name) || r4[""].contains_key(name);
        for (name, (_, definition)) in params.iter().filter(|(name, _)| !is_r4s(name)) {
            assert!(definition.starts_with("https://fhir.onbehalf.org.uk/"), "{kind}: {name} is not R4's");
        }
    }
    let commons = body.remove("").expect("the parameters of every type");
    for (kind, params) in &body {
        assert!(params.contains_key("_id"), "fhirclient.js looks for _id among those of {kind}");
        // Every read of the audit record adds a record: these are of requests without a result.
        let fixed = if kind == "AuditEvent" { "action=C&" } else { "" };
        let all = total(&app, &format!("{kind}?{fixed}")).await;
        for (name, (of_type, _)) in params.iter().chain(&commons) {
            let found = total(&app, &format!("{kind}?{fixed}{name}={}", a_value(of_type))).await;
            assert!(found <= all, "{kind}?{name}");
            let there = total(&app, &format!("{kind}?{fixed}{name}:missing=false")).await;
            let missing = total(&app, &format!("{kind}?{fixed}{name}:missing=true")).await;
            assert_eq!(there + missing, all, "{kind}?{name}:missing");
        }
    }
}

// covers S-26, S-27, S-29
#[rstest]
#[actix_web::test]
async fn quantity_and_composite_parameters_are_validated(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for kind in [
        "Questionnaire",
        "StructureDefinition",
        "CodeSystem",
        "ValueSet",
        "SearchParameter",
        "OperationDefinition",
    ] {
        let all = total(&app, kind).await;
        for (query, found) in [
            ("context-quantity=18", 0),
            ("context-quantity=ge18.5|http://unitsofmeasure.org|a,lt2||years", 0),
            ("context-quantity:missing=true", all),
            ("context-type-value=focus$http://snomed.info/sct|1", 0),
            ("context-type-value:missing=false", 0),
            ("context-type-quantity=http://terminology.hl7.org/CodeSystem/usage-context-type|age$gt18", 0),
        ] {
            assert_eq!(total(&app, &format!("{kind}?{query}")).await, found, "{kind}?{query}");
        }
    }
    let refused = [
        "Questionnaire?context-quantity=many",
        "Questionnaire?context-quantity=1|a",
        "Questionnaire?context-quantity:exact=1",
        "Questionnaire?context-type-value=focus",
        "Questionnaire?context-type-value=a$b$c",
        "Questionnaire?context-type-value:not=a$b",
        "Questionnaire?context-type-quantity=age$many",
    ];
    assert_refused(&app, 400, &refused).await;
}

// covers S-17
#[rstest]
#[actix_web::test]
async fn contained_resources_are_not_searched(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let page = bundle(&app, "Consent?_contained=false&_containedType=container").await;
    assert_eq!(page["total"], 32);
    let of_self = link(&app, &page, "self");
    assert_eq!(of_self.as_deref(), Some("Consent?_contained=false&_containedType=container"));
    for (query, name) in [
        ("_contained=true", "_contained=true"),
        ("_contained=both", "_contained=both"),
        ("_contained=perhaps", "_contained=false"),
        ("_contained=false&_containedType=contained", "_containedType=contained"),
    ] {
        for kind in ["Consent", "Questionnaire"] {
            let answer = get(&app, &format!("{kind}?{query}")).await;
            assert_eq!(answer.status, 400, "{query}");
            let outcome = answer.json();
            assert_eq!(outcome["issue"][0]["code"], "not-supported");
            let body = outcome["issue"][0]["diagnostics"].as_str().expect("a sentence");
            assert!(body.contains(name), "{query}: {body}");
        }
    }
}

// covers S-19, G-10
#[rstest]
#[actix_web::test]
async fn unsupported_search_parameters_are_rejected_or_ignored(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for kind in ["Consent", "Patient", "Provenance", "Questionnaire"] {
        let all = total(&app, kind).await;
        for name in ["_text", "_content", "_list", "_query", "_filter"] {
            let path = format!("{kind}?_count=1&{name}=x");
            let page = bundle(&app, &path).await;
            assert_eq!(link(&app, &page, "self").as_deref(), Some(&*format!("{kind}?_count=1")), "{path}");
            assert_eq!(total(&app, &format!("{kind}?{name}=x")).await, all, "{path}");
            let strict = Request::new("GET", &format!("/FHIR/R4/{path}")).header("Prefer", "handling=strict");
            let answer = app.send(strict).await;
            assert_eq!(answer.status, 400, "{path}");
            let body = answer.json()["issue"][0]["diagnostics"].as_str().expect("a sentence").to_owned();
            assert!(body.contains(name), "{path}: {body}");
        }
    }
}
