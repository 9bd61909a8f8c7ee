//! The published cases of JSON Patch and of FHIRPath Patch, all of them (checks ).

use base::error::ErrorKind;
use fhir::format::xml::parse_text;
use fhir::patch::{fhirpath_patch, json_patch};
use serde_json::Value;

fn data(name: &str) -> String {
    let path = format!("{}/tests/it/data/patch-cases/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the cases are there")
}

///
#[test]
fn every_case_of_json_patch_passes() {
    let cases: Vec<Value> = serde_json::from_str(&data("json-patch-tests.json")).expect("the cases are JSON");
    assert_eq!(cases.len(), 16);
    for case in cases {
        let patched = json_patch(&case["doc"], &case["patch"]);
        if let Some(expected) = case.get("expected") {
            assert_eq!(patched.as_ref(), Ok(expected), "{}", case["comment"]);
        } else {
            let fault = patched.expect_err("the case expects an error");
            assert_eq!(fault.kind, ErrorKind::Unprocessable, "{}", case["comment"]);
        }
    }
}

/// What stands between the tags of that name.
fn inside<'a>(case: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = case.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside.trim())
}

/// A resource whose narrative is written in one way: in text, a quote is the same with and without its
/// entity, and one case has it in both.
fn as_xhtml(mut resource: Value) -> Value {
    if let Some(Value::String(div)) = resource.pointer_mut("/text/div") {
        *div = div.replace("&quot;", "\"");
    }
    resource
}

/// The cases bring resources, patches and results as XML: they pass through our reader.
#[test]
fn every_case_of_fhirpath_patch_passes() {
    let document = data("fhir-patch-tests.xml");
    let cases: Vec<&str> = document.split("<case ").skip(1).collect();
    assert_eq!(cases.len(), document.matches("</case>").count());
    assert_eq!(cases.len(), 33);
    for case in cases {
        let name = case.split('"').nth(1).expect("a case has a name");
        let read = |part: &str| {
            let xml = inside(case, part).unwrap_or_else(|| panic!("{name} has no {part}"));
            parse_text(xml, 64).unwrap_or_else(|fault| panic!("{name}, {part}: {fault}"))
        };
        let patched = fhirpath_patch(&read("input"), &read("diff"));
        if case.contains("<error ") {
            assert_eq!(
                patched.expect_err("the case expects an error").kind,
                ErrorKind::Unprocessable,
                "{name}"
            );
        } else {
            assert_eq!(patched.map(as_xhtml), Ok(as_xhtml(read("output"))), "{name}");
        }
    }
}
