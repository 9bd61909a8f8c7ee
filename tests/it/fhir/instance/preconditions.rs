//! The preconditions of RFC 9110 on reads and writes: a false one is 412, and nothing changes.

use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{fhirpath_replace, one_of_each};
use crate::fhir::bundle::{ask, bundle, give, statuses};
use crate::fhir::client::{get, outcome_of, patch, post, put, request, send, send_well};
use crate::fhir::subscription::{backport, id_of};
use crate::support::{Backend, Request, TestApp};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, MOTHERS_ROLE, PATIENTS};

/// When everything of these tests is written, and before and after it.
const WRITTEN: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
const BEFORE: &str = "Mon, 01 Jan 2001 00:00:00 GMT";

/// The conditions, and whether they hold for version 1 of a resource.
const CONDITIONS: &[(&[(&str, &str)], bool)] = &[
    (&[("If-None-Match", "*")], false),
    (&[("If-None-Match", "W/\"1\"")], false),
    (&[("If-None-Match", "\"1\"")], false),
    (&[("If-None-Match", "W/\"7\", W/\"1\"")], false),
    (&[("If-None-Match", "W/\"2\"")], true),
    (&[("If-Unmodified-Since", BEFORE)], false),
    (&[("If-Unmodified-Since", WRITTEN)], true),
    (&[("If-Unmodified-Since", "yesterday")], true),
    (&[("If-Modified-Since", WRITTEN)], true),
    (&[("If-Match", "*")], true),
    (&[("If-Match", "W/\"2\"")], false),
    // If-Match decides before If-Unmodified-Since is looked at, and If-None-Match comes after both.
    (&[("If-Match", "W/\"1\""), ("If-Unmodified-Since", BEFORE)], true),
    (&[("If-Match", "W/\"2\""), ("If-Unmodified-Since", WRITTEN)], false),
    (&[("If-Match", "W/\"1\""), ("If-None-Match", "*")], false),
    (&[("If-Unmodified-Since", WRITTEN), ("If-None-Match", "*")], false),
];

fn under(request: Request, conditions: &[(&str, &str)]) -> Request {
    conditions.iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// A resource of each type that clients write, stored: its path, its body, and a change of it.
async fn stored(app: &TestApp) -> Vec<(String, Value, Value, &'static str)> {
    let mut all = Vec::new();
    let elements = [
        ("/provision/period/end", json!("2027-10-10")),
        ("/active", json!(false)),
        ("/authored", json!("2026-11-20T10:15:00Z")),
    ];
    let expressions =
        ["Consent.provision.period.end", "RelatedPerson.active", "QuestionnaireResponse.authored"];
    // A request for a pair that has a role is refused, so the role comes last.
    for (((path, body), (pointer, value)), expression) in
        one_of_each(LONER, PATIENTS[0]).into_iter().zip(elements).zip(expressions).rev()
    {
        let created = send_well(app, post(path, &body), 201).await;
        let mut changed = created.clone();
        *changed.pointer_mut(pointer).expect("an element") = value.clone();
        let operation = json!([{ "op": "replace", "path": pointer, "value": value }]);
        all.push((format!("{path}/{}", id_of(&created)), changed, operation, expression));
    }
    let created = send_well(app, post("/Subscription", &backport("proxy-role", "empty", &[])), 201).await;
    let mut changed = created.clone();
    changed["reason"] = "Another".into();
    let operation = json!([{ "op": "replace", "path": "/reason", "value": "Another" }]);
    all.push((format!("/Subscription/{}", id_of(&created)), changed, operation, "Subscription.reason"));
    all
}

// covers FAULT-14, R-22, R-33
#[rstest]
#[actix_web::test]
async fn write_with_a_false_if_match_or_if_none_match_is_412(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let all = stored(&app).await;
    let mut footprint = Footprint::of(&app);
    for (path, changed, operation, expression) in &all {
        let (kind, id) = path[1..].split_once('/').expect("a path");
        let by_condition = format!("/{kind}?_id={id}");
        let value = operation[0]["value"].clone();
        let value_type = if value.is_boolean() { "valueBoolean" } else { "valueString" };
        let fhirpath = fhirpath_replace(expression, value_type, value);
        let mut writes = vec![
            ("PUT", put(path, changed)),
            ("PATCH", patch(path, operation)),
            ("conditional PUT", put(&by_condition, changed)),
            ("conditional PATCH", patch(&by_condition, operation)),
            ("FHIRPath", crate::fhir::client::with_resource("PATCH", path, &fhirpath)),
        ];
        if kind == "Subscription" {
            writes.push(("DELETE", request("DELETE", path)));
        }
        let before = send_well(&app, get(path), 200).await;
        for (conditions, _) in CONDITIONS.iter().filter(|(_, holds)| !holds) {
            for (row, write) in &writes {
                let answer = send(&app, under(write.clone(), conditions)).await;
                let (status, code, _) = outcome_of(&answer);
                assert_eq!((status, code.as_str()), (412, "conflict"), "{row} {path} {conditions:?}");
            }
            footprint.check_untouched(path);
        }
        assert_eq!(send_well(&app, get(path), 200).await, before, "{path}");
        // A true precondition lets the write through; a write without a change makes no version.
        for (conditions, _) in CONDITIONS.iter().filter(|(_, holds)| *holds) {
            let same = send(&app, under(put(path, &before), conditions)).await;
            assert_eq!((same.status, same.header("etag")), (200, Some("W/\"1\"")), "{path} {conditions:?}");
        }
        let done =
            under(put(path, changed), &[("If-Unmodified-Since", WRITTEN), ("If-None-Match", "W/\"9\"")]);
        assert_eq!(send(&app, done).await.header("etag"), Some("W/\"2\""), "{path}");
        footprint.grown();
    }
}

// covers FAULT-14
#[rstest]
#[actix_web::test]
async fn the_preconditions_of_a_bundles_entries_are_those_of_a_request_alone(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let all = stored(&app).await;
    let mut footprint = Footprint::of(&app);
    for (path, changed, operation, _) in &all {
        let url = &path[1..];
        let (kind, id) = url.split_once('/').expect("a path");
        let by_condition = format!("{kind}?_id={id}");
        let value = operation[0]["value"].clone();
        let mut entries = vec![give("PUT", url, changed), give("PUT", &by_condition, changed)];
        if kind == "Consent" {
            let fhirpath = fhirpath_replace("Consent.provision.period.end", "valueDateTime", value);
            entries.push(give("PATCH", url, &fhirpath));
        }
        if kind == "Subscription" {
            entries.push(ask("DELETE", url));
        }
        for tag in ["*", "W/\"1\""] {
            for entry in &entries {
                let mut entry = entry.clone();
                entry["request"]["ifNoneMatch"] = tag.into();
                let batch = post("", &bundle("batch", std::slice::from_ref(&entry)));
                assert_eq!(statuses(&send_well(&app, batch, 200).await), ["412"], "{entry}");
                let transaction = send(&app, post("", &bundle("transaction", &[entry]))).await;
                assert_eq!(transaction.status, 412, "{}", transaction.json());
                footprint.check_untouched(path);
            }
        }
        // A time is a condition of reads alone (RFC 9110, section 13.1.3).
        let mut entry = give("PUT", url, changed);
        entry["request"]["ifModifiedSince"] = "2026-11-22T12:00:00Z".into();
        entry["request"]["ifNoneMatch"] = "W/\"2\"".into();
        let done = send_well(&app, post("", &bundle("transaction", &[entry])), 200).await;
        assert_eq!(done["entry"][0]["response"]["etag"], "W/\"2\"", "{path}");
        footprint.grown();
    }
}

// covers FAULT-14
#[rstest]
#[actix_web::test]
async fn read_or_upsert_with_a_false_precondition_is_412(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    for (name, value, status) in [
        ("If-Match", "W/\"7\"", 412),
        ("If-Match", "W/\"1\"", 200),
        ("If-Unmodified-Since", BEFORE, 412),
        ("If-Unmodified-Since", WRITTEN, 200),
        ("If-None-Match", "*", 304),
        ("If-None-Match", "W/\"1\"", 304),
    ] {
        assert_eq!(send(&app, get(&path).header(name, value)).await.status, status, "{name}: {value}");
    }
    let mut footprint = Footprint::of(&app);
    // A request for a pair that has a role is refused, so the role comes last.
    for (path, body) in one_of_each(LONER, PATIENTS[1]).into_iter().rev() {
        let upsert = put(&format!("{path}?_id=none"), &body);
        let refused = send(&app, upsert.clone().header("If-Match", "*")).await;
        assert_eq!(refused.status, 412, "{path}: there is no version");
        footprint.check_untouched(path);
        let created = send(&app, upsert.header("If-None-Match", "*")).await;
        assert_eq!(created.status, 201, "{path}: {}", created.json());
        footprint.grown();
    }
}
