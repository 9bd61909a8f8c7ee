//! Round trip of whole resources through XML.

use fhir::format::{Format, render, xml};
use rstest::rstest;
use serde_json::Value;

/// Every resource in the JSON files of a folder, by name.
fn resources(folder: &str) -> Vec<(String, Value)> {
    let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(&path).expect("a file");
            let value: Value = serde_json::from_str(&text).expect("JSON");
            found.push((path.display().to_string(), value));
        }
    }
    found
}

fn types_of(value: &Value, found: &mut Vec<String>) {
    if let Some(name) = value.get("resourceType").and_then(Value::as_str) {
        found.push(name.to_owned());
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| types_of(item, found)),
        Value::Object(members) => members.values().for_each(|member| types_of(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[rstest]
fn every_sample_round_trips(
    #[values("examples", "tests/it/data/fhir-samples")] folder: &str,
    #[values(false, true)] pretty: bool,
) {
    let mut checked = 0;
    for (name, resource) in resources(folder) {
        let mut types = Vec::new();
        types_of(&resource, &mut types);
        // R4B's type has no definition in R4 to read its XML by.
        let known = types.iter().all(|name| name != "SubscriptionStatus");
        if resource.get("resourceType").is_none() || !known {
            continue;
        }
        let written = render(&resource, Format::Xml, pretty);
        let read = xml::parse(&written, 64).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(read, resource, "{name}");
        checked += 1;
    }
    assert!(checked >= 2, "{folder} has only {checked} resources");
}
