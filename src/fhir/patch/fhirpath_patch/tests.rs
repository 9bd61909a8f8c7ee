//! Cases beyond HL7's: refusals, primitives with extensions, choices.

use serde_json::{Value, json};

use super::fhirpath_patch;
use base::error::ErrorKind;

fn person() -> Value {
    json!({
        "resourceType": "Patient", "id": "1", "meta": { "versionId": "3" },
        "deceasedBoolean": false,
        "birthDate": "1980-01-02",
        "name": [{ "given": ["A", "B"] }, { "family": "C" }],
    })
}

fn operation(kind: &str, parts: &Value) -> Value {
    let mut part = vec![json!({ "name": "type", "valueCode": kind })];
    for (name, value) in parts.as_object().unwrap() {
        let mut one = json!({ "name": name });
        one.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        part.push(one);
    }
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": part }] })
}

fn path(path: &str) -> Value {
    json!({ "valueString": path })
}

fn patch(kind: &str, parts: &Value) -> Result<Value, ErrorKind> {
    fhirpath_patch(&person(), &operation(kind, parts)).map_err(|fault| {
        assert!(fault.issue.expression.is_some(), "{}", fault.issue.diagnostics);
        fault.kind
    })
}

/// more than one match is 422; none is 422 except for delete.
#[test]
fn patch_path_that_selects_more_than_one_element_is_422() {
    let value = json!({ "valueString": "x" });
    for (kind, parts) in [
        ("delete", json!({ "path": path("Patient.name") })),
        ("replace", json!({ "path": path("Patient.name.given"), "value": value })),
        ("replace", json!({ "path": path("Patient.gender"), "value": value })),
        ("add", json!({ "path": path("Patient.name"), "name": path("family"), "value": value })),
        ("add", json!({ "path": path("Consent"), "name": path("status"), "value": value })),
        ("add", json!({ "path": path("Patient"), "name": path("birthDate"), "value": value })),
        (
            "add",
            json!({ "path": path("Patient"), "name": path("deceased"), "value": { "valueDateTime": "2026" } }),
        ),
        ("add", json!({ "path": path("Patient"), "name": path("pateint"), "value": value })),
        ("add", json!({ "path": path("Patient.name[0]"), "name": path("resourceType"), "value": value })),
        ("insert", json!({ "path": path("Patient.name"), "index": { "valueInteger": 3 }, "value": value })),
        (
            "insert",
            json!({ "path": path("Patient.name[1]"), "index": { "valueInteger": 0 }, "value": value }),
        ),
        ("insert", json!({ "path": path("Patient.photo"), "index": { "valueInteger": 0 }, "value": value })),
        (
            "insert",
            json!({ "path": path("Patient.birthDate"), "index": { "valueInteger": 0 }, "value": value }),
        ),
        (
            "move",
            json!({ "path": path("Patient.name"), "source": { "valueInteger": 0 }, "destination": { "valueInteger": 2 } }),
        ),
        ("delete", json!({ "path": path("Patient") })),
        ("replace", json!({ "path": path("Patient"), "value": value })),
        ("delete", json!({ "path": path("1 = 1") })),
        ("delete", json!({ "path": path("Patient.name.matches('x')") })),
        ("delete", json!({ "path": path("Patient.descendants().where(id = 'x')") })),
        ("delete", json!({ "path": path("Patient.name.where(%resource.name.exists())[0]") })),
    ] {
        assert_eq!(patch(kind, &parts), Err(ErrorKind::Unprocessable), "{kind} {parts}");
    }
    assert_eq!(patch("delete", &json!({ "path": path("Patient.gender") })), Ok(person()));
}

#[test]
fn invalid_fhirpath_patch_is_400() {
    for (kind, parts) in [
        ("sing", json!({ "path": path("Patient") })),
        ("delete", json!({})),
        ("delete", json!({ "path": { "valueInteger": 1 } })),
        ("delete", json!({ "path": path("Patient..name") })),
        ("replace", json!({ "path": path("Patient.gender") })),
        (
            "replace",
            json!({ "path": path("Patient.birthDate"), "value": { "valueDate": "2026", "valueString": "x" } }),
        ),
        (
            "insert",
            json!({ "path": path("Patient.name"), "index": { "valueInteger": -1 }, "value": { "valueString": "x" } }),
        ),
    ] {
        assert_eq!(patch(kind, &parts), Err(ErrorKind::Invalid), "{kind} {parts}");
    }
    for document in [
        json!([]),
        json!({ "resourceType": "Patient" }),
        json!({ "resourceType": "Parameters", "parameter": [1] }),
    ] {
        assert_eq!(fhirpath_patch(&person(), &document).unwrap_err().kind, ErrorKind::Invalid, "{document}");
    }
}

///
#[test]
fn patch_cannot_change_type_id_or_version() {
    for parts in [
        json!({ "path": path("Patient.id") }),
        json!({ "path": path("Patient.meta") }),
        json!({ "path": path("Patient.meta.versionId") }),
    ] {
        let document = operation("delete", &parts);
        assert_eq!(fhirpath_patch(&person(), &document).unwrap_err().kind, ErrorKind::Unprocessable);
    }
    let parts = json!({ "path": path("Patient.id"), "value": { "valueId": "2" } });
    assert_eq!(
        fhirpath_patch(&person(), &operation("replace", &parts)).unwrap_err().kind,
        ErrorKind::Unprocessable
    );
}

#[test]
fn patch_can_change_the_type_of_a_choice_element() {
    let parts = json!({ "path": path("Patient.deceased"), "value": { "valueDateTime": "2026-01-01" } });
    let patched = patch("replace", &parts).unwrap();
    assert_eq!(patched["deceasedDateTime"], "2026-01-01");
    assert!(patched.get("deceasedBoolean").is_none());
    let parts =
        json!({ "path": path("Patient"), "name": path("multipleBirth[x]"), "value": { "valueInteger": 2 } });
    assert_eq!(patch("add", &parts).unwrap()["multipleBirthInteger"], 2);
}

#[test]
fn primitives_have_extensions_and_lists_of_them_stay_aligned() {
    let extension = json!({ "valueExtension": { "url": "u", "valueId": "x" } });
    let parts = json!({ "path": path("Patient.birthDate"), "name": path("extension"), "value": extension });
    assert_eq!(
        patch("add", &parts).unwrap()["_birthDate"],
        json!({ "extension": [{ "url": "u", "valueId": "x" }] })
    );
    let parts = json!({ "path": path("Patient.name[0].given[1]"), "name": path("id"), "value": { "valueString": "b" } });
    assert_eq!(patch("add", &parts).unwrap()["name"][0]["_given"], json!([null, { "id": "b" }]));
    let parts = json!({
        "path": path("Patient.name[0].given"), "index": { "valueInteger": 1 },
        "value": { "valueString": "N", "_valueString": { "id": "n" } },
    });
    let name = &patch("insert", &parts).unwrap()["name"][0];
    assert_eq!(
        (&name["given"], &name["_given"]),
        (&json!(["A", "N", "B"]), &json!([null, { "id": "n" }, null]))
    );
}

/// The work of all operations together is bounded: each evaluates its path on the whole resource.
#[test]
fn many_operations_on_a_large_resource_are_refused() {
    let mut large = person();
    large["extension"] =
        (0..2_000).map(|n| json!({ "url": format!("urn:x:{n}"), "valueString": "x" })).collect();
    let mut patch = operation("delete", &json!({ "path": path("Patient.photo") }));
    let one = patch["parameter"][0].clone();
    assert!(fhirpath_patch(&large, &patch).is_ok());
    patch["parameter"] = vec![one; 200].into();
    assert!(fhirpath_patch(&person(), &patch).is_ok());
    large["extension"] =
        (0..20_000).map(|n| json!({ "url": format!("urn:x:{n}"), "valueString": "x" })).collect();
    assert_eq!(fhirpath_patch(&large, &patch).unwrap_err().kind, ErrorKind::Unprocessable);
}
