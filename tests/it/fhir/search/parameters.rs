//! Every search parameter that R4 has for the types of this server, from its definitions.

use std::collections::BTreeMap;

use rstest::rstest;

use super::{get, total};
use crate::support::{Backend, TestApp};

const PEOPLE: &str = "active address address-city address-country address-postalcode address-state \
    address-use birthdate email gender identifier name phone phonetic telecom";

/// R4's parameters, by type.
fn parameters() -> BTreeMap<&'static str, Vec<&'static str>> {
    let table = [
        (
            "Consent",
            "action actor category consentor data date identifier organization patient period purpose scope \
             security-label source-reference status",
        ),
        ("RelatedPerson", "patient relationship"),
        (
            "QuestionnaireResponse",
            "author authored based-on encounter identifier part-of patient questionnaire source status subject",
        ),
        ("Patient", "death-date deceased family general-practitioner given language link organization"),
        (
            "Questionnaire",
            "code context context-type date definition description effective identifier jurisdiction name \
             publisher status subject-type title url version",
        ),
        (
            "AuditEvent",
            "action address agent agent-name agent-role altid date entity entity-name entity-role entity-type \
             outcome patient policy site source subtype type",
        ),
        (
            "Provenance",
            "agent agent-role agent-type entity location patient recorded signature-type target when",
        ),
    ];
    let mut all: BTreeMap<_, Vec<_>> =
        table.into_iter().map(|(kind, names)| (kind, names.split_whitespace().collect())).collect();
    for kind in ["RelatedPerson", "Patient"] {
        all.entry(kind).or_default().extend(PEOPLE.split_whitespace());
    }
    all
}

fn a_value(kind: &str) -> &'static str {
    match kind {
        "date" => "2026-11-22",
        "reference" => "Patient/9000000009",
        "uri" => "https://elsewhere.example/x",
        _ => "x",
    }
}

// covers S-05, S-19, S-28
#[rstest]
#[actix_web::test]
async fn every_parameter_of_every_type_is_told_and_accepted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let statement = get(&app, "metadata").await.json();
    let resources = statement["rest"][0]["resource"].as_array().expect("resources").clone();
    let mut told: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    // What stands beside the resources holds for every type.
    for resource in resources.iter().chain([&statement["rest"][0]]) {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let params = resource["searchParam"].as_array().map(Vec::as_slice).unwrap_or_default();
        let params = params.iter().map(|param| (text(&param["name"]), text(&param["type"]))).collect();
        told.insert(text(&resource["type"]), params);
    }
    for (kind, names) in parameters() {
        let missing: Vec<_> = names.iter().filter(|name| !told[kind].contains_key(**name)).collect();
        assert!(missing.is_empty(), "{kind} lacks {missing:?}");
    }
    let commons = told.remove("").expect("the parameters of every type");
    for name in ["_id", "_lastUpdated", "_tag", "_profile", "_security", "_source"] {
        assert!(commons.contains_key(name), "{name} is not told");
    }
    for (kind, params) in &told {
        assert!(params.contains_key("_id"), "fhirclient.js looks for _id among those of {kind}");
        // Every question of the audit leaves a record: these are of those that are no answers.
        let fixed = if kind == "AuditEvent" { "action=C&" } else { "" };
        let all = total(&app, &format!("{kind}?{fixed}")).await;
        for (name, of_type) in params.iter().chain(&commons) {
            let found = total(&app, &format!("{kind}?{fixed}{name}={}", a_value(of_type))).await;
            assert!(found <= all, "{kind}?{name}");
            let there = total(&app, &format!("{kind}?{fixed}{name}:missing=false")).await;
            let missing = total(&app, &format!("{kind}?{fixed}{name}:missing=true")).await;
            assert_eq!(there + missing, all, "{kind}?{name}:missing");
        }
    }
}
