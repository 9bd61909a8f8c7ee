//! Ids and extensions of primitives, missing values, and the ids of elements: by every write interaction.

use fhir::format::xml;
use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{access_request, fhirpath_replace};
use crate::fhir::bundle::{bundle, give};
use crate::fhir::client::{get, patch, post, put, request, resource, send, send_well, with_resource};
use crate::fhir::subscription::{backport, id_of};
use crate::support::{Backend, Request, TestApp};
use crate::vrs::known::{LONER, SON};

/// A Patient with a primitive of every type.
fn patient() -> Value {
    let extension =
        |name: &str, value: Value| json!({ "url": format!("http://example.org/{name}"), name: value });
    json!({
        "resourceType": "Patient",
        "implicitRules": "http://example.org/rules",
        "language": "en",
        "extension": [
            extension("valueDecimal", json!(1)),
            extension("valueOid", json!("urn:oid:1.2.3")),
            extension("valueUuid", json!("urn:uuid:c757873d-ec9a-4326-a141-556f43239520")),
            extension("valueTime", json!("10:00:00")),
            extension("valueMarkdown", json!("*a*")),
            extension("valueId", json!("a")),
            extension("valueInstant", json!("2026-01-01T10:00:00Z")),
            extension("valueCanonical", json!("http://example.org/a")),
        ],
        "identifier": [{ "system": "http://example.org/id", "value": "1" }],
        "active": true,
        "name": [{ "family": "A" }],
        "telecom": [{ "rank": 1 }],
        "gender": "female",
        "birthDate": "1980-01-31",
        "deceasedDateTime": "2026-01-01T10:00:00Z",
        "multipleBirthInteger": 2,
        "photo": [{ "contentType": "image/png", "data": "YQ==", "size": 1, "url": "http://example.org/a" }],
    })
}

/// The pointers of every primitive but `resourceType`.
fn primitives(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| !matches!(name.as_str(), "resourceType"))
            {
                primitives(member, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                primitives(item, &format!("{pointer}/{at}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(pointer.to_owned()),
    }
}

fn beside(body: &Value, pointer: &str, value: Value, keeps_value: bool) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a member");
    let members = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    if !keeps_value {
        members.remove(name);
    }
    members.insert(format!("_{name}"), value);
    body
}

/// Whether `$validate` finds no error, in JSON and in XML, which must agree.
async fn is_sound(app: &TestApp, body: &Value) -> bool {
    let path = format!("/{}/$validate", body["resourceType"].as_str().expect("a type"));
    let has_none = |outcome: &Value| {
        let issues = outcome["issue"].as_array().expect("issues");
        !issues.iter().any(|issue| issue["severity"] == "error")
    };
    let in_json = has_none(&send_well(app, post(&path, body), 200).await);
    let as_xml = request("POST", &path).header("Content-Type", "application/fhir+xml");
    let in_xml = has_none(&send_well(app, as_xml.body(xml::render(body, false)), 200).await);
    assert_eq!(in_json, in_xml, "{body}");
    in_json
}

// covers FAULT-1
#[rstest]
#[actix_web::test]
async fn a_primitive_of_any_type_has_a_value_or_an_extension_and_may_have_an_id(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let patient = patient();
    assert!(is_sound(&app, &patient).await);
    let mut all = Vec::new();
    primitives(&patient, "", &mut all);
    assert!(all.len() > 24, "{all:?}");
    let absent = json!([{ "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown" }]);
    for pointer in all.iter().filter(|pointer| !pointer.ends_with("/url") || pointer.contains("photo")) {
        let id = json!({ "id": "x1" });
        assert!(is_sound(&app, &beside(&patient, pointer, id.clone(), true)).await, "{pointer} with an id");
        let both = json!({ "id": "x1", "extension": absent });
        assert!(is_sound(&app, &beside(&patient, pointer, both.clone(), true)).await, "{pointer} with both");
        assert!(!is_sound(&app, &beside(&patient, pointer, id, false)).await, "{pointer} is an id alone");
        // A code of a required binding must be present.
        let may_be_absent = !matches!(pointer.as_str(), "/gender" | "/photo/0/contentType");
        assert_eq!(is_sound(&app, &beside(&patient, pointer, both, false)).await, may_be_absent, "{pointer}");
    }
}

// covers FAULT-16
#[rstest]
#[actix_web::test]
async fn element_id_is_unique_in_its_resource_without_spaces(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let patient = patient();
    let mut all = Vec::new();
    primitives(&patient, "", &mut all);
    for pointer in all.iter().filter(|pointer| !pointer.ends_with("/url") || pointer.contains("photo")) {
        let mut named = patient.clone();
        named["name"][0]["id"] = "n".into();
        let same = beside(&named, pointer, json!({ "id": "n" }), true);
        assert!(!is_sound(&app, &same).await, "{pointer}");
        assert!(is_sound(&app, &beside(&named, pointer, json!({ "id": "m" }), true)).await, "{pointer}");
        for id in ["a b", " a", "a\tb"] {
            let spaced = beside(&patient, pointer, json!({ "id": id }), true);
            let outcome = send_well(&app, post("/Patient/$validate", &spaced), 200).await;
            assert_eq!(outcome["issue"][0]["severity"], "error", "{pointer} {id}");
        }
    }
    // A contained resource, and each entry of a Bundle, has an id scope of its own.
    let one = json!({ "resourceType": "Patient", "id": "p", "name": [{ "id": "n", "family": "A" }] });
    let mut holding = one.clone();
    holding["contained"] = json!([one]);
    holding["link"] = json!([{ "other": { "reference": "#p" }, "type": "seealso" }]);
    assert!(is_sound(&app, &holding).await);
}

// covers FAULT-1, FAULT-16
#[rstest]
#[actix_web::test]
async fn primitive_id_with_a_value_is_kept_and_id_alone_is_rejected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for (path, member, body) in [
        ("/QuestionnaireResponse", "status", access_request(LONER, SON)),
        ("/Subscription", "reason", backport("proxy-role", "empty", &[])),
    ] {
        let beside_name = format!("_{member}");
        let with_id = |body: &Value, id: &str| {
            let mut body = body.clone();
            body[&beside_name] = json!({ "id": id });
            body
        };
        let mut alone = with_id(&body, "a");
        alone.as_object_mut().expect("members").remove(member);
        assert_eq!(send(&app, post(path, &alone)).await.status, 422, "{path}");
        let created = send_well(&app, post(path, &with_id(&body, "a1")), 201).await;
        let place = format!("{path}/{}", id_of(&created));
        let as_xml = |request: Request| request.header("Accept", "application/fhir+xml");
        let pointer = format!("/{beside_name}");
        let value_type = if member == "status" { "valueCode" } else { "valueString" };
        let mut replace =
            fhirpath_replace(&format!("{}.{member}", &path[1..]), value_type, created[member].clone());
        replace["parameter"][0]["part"][2][format!("_{value_type}")] = json!({ "id": "a6" });
        let of_xml = request("PUT", &place)
            .header("Content-Type", "application/fhir+xml")
            .body(xml::render(&with_id(&created, "a3"), false));
        for (id, write) in [
            ("a2", put(&place, &with_id(&created, "a2"))),
            ("a3", of_xml),
            ("a4", patch(&place, &json!([{ "op": "replace", "path": pointer, "value": { "id": "a4" } }]))),
            ("a5", post("", &bundle("transaction", &[give("PUT", &place[1..], &with_id(&created, "a5"))]))),
            ("a6", with_resource("PATCH", &place, &replace)),
        ] {
            send_well(&app, write, 200).await;
            for read in [get(&place), as_xml(get(&place))] {
                let read = resource(&send(&app, read).await);
                assert_eq!(
                    (&read[&beside_name]["id"], &read[member]),
                    (&id.into(), &created[member]),
                    "{path}"
                );
            }
        }
        let mut empty = with_id(&created, "a");
        empty.as_object_mut().expect("members").remove(member);
        let remove = json!([{ "op": "remove", "path": format!("/{member}") }]);
        for refused in [put(&place, &empty), patch(&place, &remove)] {
            assert_eq!(send(&app, refused).await.status, 422, "{path}");
        }
        let twice = json!([
            { "op": "add", "path": "/extension", "value": [{ "id": "a6", "url": "http://example.org/a", "valueCode": "b" }] },
        ]);
        assert_eq!(send(&app, patch(&place, &twice)).await.status, 422, "{path}: the id is taken");
    }
}
