//! A write of the present content makes no version, no audit record of a change and no event.

use base::json;
use fhir::format::xml;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::fhir::bodies::{fhirpath_replace, one_of_each};
use crate::fhir::bundle::{bundle, give};
use crate::fhir::client::{get, patch, post, put, request, send, send_well, with_resource};
use crate::fhir::subscription::{backport, classic, id_of, national};
use crate::support::{Backend, Request, TestApp, bodies};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, PATIENTS};

/// The same content with the members of every object in the opposite order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect())
        }
        Value::Array(items) => items.iter().map(reversed).collect(),
        other => other.clone(),
    }
}

/// The same content, sorted.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            let members = names.into_iter().map(|name| (name.clone(), sorted(&members[name])));
            Value::Object(members.collect::<Map<String, Value>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// A resource of every type that clients write, and a subscription in each style; and a form that is too
/// large to be parsed on a serving thread.
fn resources() -> Vec<(&'static str, Value)> {
    let mut large = bodies::access_request(LONER, PATIENTS[3]);
    let answers: Vec<Value> = (0..400)
        .map(|at| json!({ "valueString": format!("A long answer of number {at}, with words.") }))
        .collect();
    large["item"].as_array_mut().expect("items").push(json!({ "linkId": "more", "answer": answers }));
    let mut precise = bodies::access_request(LONER, PATIENTS[2]);
    let decimal: Value = serde_json::from_str("1.50").expect("a number");
    let more = json!({ "linkId": "more", "answer": [{ "valueDecimal": decimal }] });
    precise["item"].as_array_mut().expect("items").push(more);
    precise["language"] = "en".into();
    precise["_status"] = json!({ "id": "s1" });
    let mut with_end = backport("proxy-role", "full-resource", &["Consent?status=active"]);
    with_end["end"] = "2027-01-01T00:00:00Z".into();
    with_end["contact"] = json!([{ "system": "email", "value": "a@example.org" }]);
    let mut all: Vec<(&'static str, Value)> = one_of_each(LONER, PATIENTS[0]).into();
    // A request for a pair that has a role is refused.
    all.reverse();
    all.extend([
        ("/QuestionnaireResponse", precise),
        ("/QuestionnaireResponse", large),
        ("/Subscription", with_end),
        ("/Subscription", classic("Consent?status=active", Some("application/fhir+xml"))),
        ("/Subscription", national("eventType='vrs-proxy-role-changed-1'", "application/json")),
    ]);
    all
}

/// Interactions that write a resource back unchanged.
fn ways(path: &str, resource: &Value) -> Vec<(&'static str, Request)> {
    let (kind, id) = path[1..].split_once('/').expect("a path");
    let status = if kind == "RelatedPerson" { "active" } else { "status" };
    let mv = json!([{ "op": "move", "from": format!("/{status}"), "path": format!("/{status}") }]);
    let away = json!([
        { "op": "copy", "from": format!("/{status}"), "path": "/language" },
        { "op": "remove", "path": "/language" },
    ]);
    let away = if resource.get("language").is_some() { mv.clone() } else { away };
    let value_type = if status == "active" { "valueBoolean" } else { "valueCode" };
    let mut replace = fhirpath_replace(&format!("{kind}.{status}"), value_type, resource[status].clone());
    if let Some(beside) = resource.get(format!("_{status}")) {
        replace["parameter"][0]["part"][2][format!("_{value_type}")] = beside.clone();
    }
    let entry = |kind: &str, method: &str, url: &str, body: &Value| {
        post("", &bundle(kind, &[give(method, url, body)]))
    };
    let text = xml::render(resource, false);
    let as_xml = request("PUT", path).header("Content-Type", "application/fhir+xml").body(text);
    let by_condition = format!("{kind}?_id={id}");
    vec![
        ("as it is", put(path, resource)),
        ("reversed", put(path, &reversed(resource))),
        ("sorted", put(path, &sorted(resource))),
        ("XML", as_xml),
        ("conditional", put(&format!("/{by_condition}"), &sorted(resource))),
        ("JSON Patch: move", patch(path, &mv)),
        ("JSON Patch: add and remove", patch(path, &away)),
        ("JSON Patch by condition", patch(&format!("/{by_condition}"), &mv)),
        ("FHIRPath Patch", with_resource("PATCH", path, &replace)),
        ("batch", entry("batch", "PUT", &path[1..], &sorted(resource))),
        ("transaction", entry("transaction", "PUT", &path[1..], &reversed(resource))),
        ("transaction by condition", entry("transaction", "PUT", &by_condition, &sorted(resource))),
        ("transaction: FHIRPath Patch", entry("transaction", "PATCH", &path[1..], &replace)),
    ]
}

/// The version in a response, to a request alone or of the one entry of a Bundle.
fn version(answer: &Value) -> Value {
    let etag = &answer["entry"][0]["response"]["etag"];
    if etag.is_null() { answer["meta"]["versionId"].clone() } else { etag.clone() }
}

// covers FAULT-4, R-26
#[rstest]
#[actix_web::test]
async fn write_of_the_same_content_creates_no_version(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut footprint = Footprint::of(&app);
    for (path, body) in resources() {
        let created = send_well(&app, post(path, &body), 201).await;
        let path = format!("{path}/{}", id_of(&created));
        app.clock.advance(chrono::TimeDelta::minutes(1));
        footprint.grown();
        let versions = app.count_rows("subscription_versions") + app.count_rows("access_request_versions");
        for (row, write) in ways(&path, &created) {
            let answer = send(&app, write).await;
            assert_eq!(answer.status, 200, "{row} {path}: {}", answer.json());
            let version = version(&answer.json());
            assert!(version == "1" || version == "W/\"1\"", "{row} {path}: {version}");
            footprint.check_untouched(row);
            let now = app.count_rows("subscription_versions") + app.count_rows("access_request_versions");
            assert_eq!(now, versions, "{row} {path}");
        }
        assert_eq!(send_well(&app, get(&path), 200).await.to_string(), created.to_string(), "{path}");
    }
}

// covers FAULT-4, R-26
#[rstest]
#[actix_web::test]
async fn decimal_digits_list_order_and_members_count_as_changes(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let body = resources().remove(3).1;
    let created = send_well(&app, post("/QuestionnaireResponse", &body), 201).await;
    let path = format!("/QuestionnaireResponse/{}", id_of(&created));
    let last = created["item"].as_array().expect("items").len() - 1;
    let decimal: Value = serde_json::from_str("1.5").expect("a number");
    let mut swapped = created["item"].as_array().expect("items").clone();
    swapped.swap(0, 2);
    let mut expected = 1;
    for (pointer, value) in [
        ("/item".to_owned(), Value::Array(swapped)),
        (format!("/item/{last}/answer/0/valueDecimal"), decimal),
        ("/language".to_owned(), "cy".into()),
        ("/_status/id".to_owned(), "s2".into()),
    ] {
        let mut changed = send_well(&app, get(&path), 200).await;
        *changed.pointer_mut(&pointer).expect("an element") = value;
        expected += 1;
        let answer = send_well(&app, put(&path, &sorted(&changed)), 200).await;
        assert_eq!(answer["meta"]["versionId"], expected.to_string(), "{pointer}");
        assert_eq!(answer.pointer(&pointer), changed.pointer(&pointer));
    }
    let read = json::parse(&send(&app, get(&path)).await.body, 64).expect("JSON");
    assert_eq!(
        read.pointer(&format!("/item/{last}/answer/0/valueDecimal")).expect("a decimal").to_string(),
        "1.5"
    );
}

// covers FAULT-4
#[rstest]
#[actix_web::test]
async fn questionnaire_response_of_the_vrs_api_put_unchanged_creates_no_version(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let form = bodies::access_request(LONER, PATIENTS[0]);
    let posted = app.post("/QuestionnaireResponse", &form).await;
    assert!(posted.status < 300, "{}", String::from_utf8_lossy(&posted.body));
    let found =
        send_well(&app, get(&format!("/QuestionnaireResponse?subject:identifier={}", PATIENTS[0])), 200)
            .await;
    let stored = found["entry"][0]["resource"].clone();
    let path = format!("/QuestionnaireResponse/{}", id_of(&stored));
    for (row, write) in ways(&path, &stored) {
        let answer = send_well(&app, write, 200).await;
        let version = version(&answer);
        assert!(version == "1" || version == "W/\"1\"", "{row}: {version}");
    }
}
