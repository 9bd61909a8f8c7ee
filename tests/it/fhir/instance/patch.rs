//! Patch, in both forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{access_request, fhirpath_replace, one_of_each};
use crate::fhir::bundle::{bundle, give, statuses};
use crate::fhir::client::{get, outcome_of, patch, post, request, send, send_well, with_resource};
use crate::support::{Backend, TestApp, bodies};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{LONER, MOTHERS_ROLE, NO_SUCH_ID, SON};

fn end(date: &str) -> Value {
    json!([{ "op": "replace", "path": "/provision/period/end", "value": date }])
}

// covers R-30, R-31, R-33, R-33b, G-12
#[rstest]
#[actix_web::test]
async fn json_patch_and_fhirpath_patch_create_a_version(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let mut footprint = Footprint::of(&app);
    let fhirpath = fhirpath_replace("Consent.provision.period.end", "valueDateTime", "2027-02-02".into());
    for (number, (date, request)) in [
        ("2027-01-01", patch(&path, &end("2027-01-01"))),
        ("2027-02-02", with_resource("PATCH", &path, &fhirpath)),
        (
            "2027-03-03",
            request("PATCH", &path)
                .header("Content-Type", "application/json-patch+json; charset=utf-8")
                .body(end("2027-03-03")),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let stale = send(&app, request.clone().header("If-Match", "W/\"99\"")).await;
        assert_eq!(stale.status, 412, "{date}");
        footprint.check_untouched(date);
        let version = format!("W/\"{}\"", number + 1);
        let answer = send(&app, request.header("If-Match", &version)).await;
        assert_eq!(answer.status, 200, "{date}: {}", answer.json());
        assert_eq!(answer.header("etag"), Some(format!("W/\"{}\"", number + 2).as_str()));
        assert_eq!(answer.json()["provision"]["period"]["end"], date);
        assert_eq!(footprint.grown(), Rows::CHANGED, "{date}");
    }
    let same = send(&app, patch(&path, &end("2027-03-03")).header("Prefer", "return=minimal")).await;
    assert_eq!((same.status, same.header("etag"), same.body.len()), (200, Some("W/\"4\""), 0));
    footprint.check_untouched("the same again");
}

// covers R-30, R-31, R-35, R-36
#[rstest]
#[actix_web::test]
async fn failed_patch_changes_nothing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let mut footprint = Footprint::of(&app);
    let one = |op: &str, path: &str, value: Value| json!([{ "op": op, "path": path, "value": value }]);
    for (row, body, status) in [
        ("a test that fails", one("test", "/status", "draft".into()), 422),
        ("no such element", one("replace", "/colour", "red".into()), 422),
        ("a pointer to nowhere", one("add", "/nothing/there", "red".into()), 422),
        ("beyond the end", one("add", "/performer/7", bodies::person(SON)), 422),
        ("no pointer", one("replace", "status", "red".into()), 422),
        ("an unknown element", one("add", "/colour", "red".into()), 422),
        ("another shape", one("replace", "/performer", bodies::person(SON)), 422),
        ("no patch", json!({ "op": "add" }), 400),
        ("no such operation", one("paint", "/status", "red".into()), 400),
        ("the id", one("replace", "/id", NO_SUCH_ID.into()), 422),
        ("the type", one("replace", "/resourceType", "Patient".into()), 422),
        ("the version", one("replace", "/meta/versionId", "7".into()), 422),
        ("a required element", json!([{ "op": "remove", "path": "/status" }]), 422),
        ("what cannot be held", one("add", "/organization", json!([{ "display": "x" }])), 422),
        ("the patient", one("replace", "/patient", bodies::person(SON)), 422),
        (
            "a second, wrong operation",
            json!([
                { "op": "replace", "path": "/provision/period/end", "value": "2027-01-01" },
                { "op": "remove", "path": "/nothing" },
            ]),
            422,
        ),
    ] {
        let answer = send(&app, patch(&path, &body)).await;
        assert_eq!(outcome_of(&answer).0, status, "{row}: {}", answer.json());
        footprint.check_untouched(row);
    }
    for (row, body, status) in [
        ("more than one", fhirpath_replace("Consent.extension", "valueString", "x".into()), 422),
        (
            "two codings",
            fhirpath_replace(
                "Consent.descendants().where(code = 'INFA' or code = 'IRCP')",
                "valueCode",
                "x".into(),
            ),
            422,
        ),
        ("nothing", fhirpath_replace("Consent.colour", "valueString", "x".into()), 422),
        ("no path", fhirpath_replace("Consent.where(", "valueString", "x".into()), 400),
        ("a bad status", fhirpath_replace("Consent.status", "valueCode", "red".into()), 422),
        ("the id", fhirpath_replace("Consent.id", "valueId", "x".into()), 422),
    ] {
        let answer = send(&app, with_resource("PATCH", &path, &body)).await;
        assert_eq!(outcome_of(&answer).0, status, "{row}: {}", answer.json());
        footprint.check_untouched(row);
    }
    let unknown = send(&app, patch(&format!("/Consent/{NO_SUCH_ID}"), &end("2027-01-01"))).await;
    assert_eq!(unknown.status, 404);
}

// covers R-32, R-38, G-07
#[rstest]
#[actix_web::test]
async fn other_patch_media_types_are_415_or_400(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let mut footprint = Footprint::of(&app);
    let part = r#"{"resourceType":"Consent","status":"inactive"}"#;
    let xml = "<diff><replace sel=\"Consent/status/@value\">inactive</replace></diff>";
    for (kind, body, status) in [
        ("application/merge-patch+json", part, 415),
        ("application/json", part, 415),
        ("application/fhir+json", part, 415),
        ("application/xml-patch+xml", xml, 415),
        ("text/plain", part, 415),
        ("application/x-www-form-urlencoded", "status=inactive", 415),
        ("application/json-patch+json; charset=latin1", "[]", 415),
        ("application/fhir+xml", xml, 400),
    ] {
        let answer = send(&app, request("PATCH", &path).header("Content-Type", kind).body(body)).await;
        assert_eq!(outcome_of(&answer).0, status, "{kind}");
        footprint.check_untouched(kind);
    }
    let bare = request("PATCH", &path).body(end("2027-01-01"));
    assert_eq!(send(&app, bare).await.status, 415);
}

// covers R-37
#[rstest]
#[actix_web::test]
async fn patch_of_data_removes_the_stale_narrative(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut form = access_request(LONER, SON);
    let narrative = json!({
        "status": "generated",
        "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">Completed</div>",
    });
    form["text"] = narrative.clone();
    let created = send_well(&app, post("/QuestionnaireResponse", &form), 201).await;
    assert_eq!(created["text"], narrative);
    let path = format!("/QuestionnaireResponse/{}", created["id"].as_str().expect("an id"));
    let change = json!([{ "op": "replace", "path": "/authored", "value": "2026-11-21T11:00:00Z" }]);
    let patched = send_well(&app, patch(&path, &change), 200).await;
    assert_eq!((&patched["authored"], patched.get("text")), (&"2026-11-21T11:00:00Z".into(), None));
    let text = json!([{ "op": "add", "path": "/text", "value": narrative }]);
    assert_eq!(send_well(&app, patch(&path, &text), 200).await["text"], narrative);
    assert_eq!(send_well(&app, get(&path), 200).await["text"], narrative);
}

// covers FAULT-5, R-30, R-35
#[rstest]
#[actix_web::test]
async fn json_patch_may_be_empty_and_have_null_values(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    // A request for a pair that has a role is refused, so the role comes last.
    let mut paths = Vec::new();
    for (path, body) in one_of_each(LONER, SON).into_iter().rev() {
        let created = send_well(&app, post(path, &body), 201).await;
        paths.push(format!("{path}/{}", created["id"].as_str().expect("an id")));
    }
    let mut footprint = Footprint::of(&app);
    for path in &paths {
        let id = path.rsplit('/').next().expect("an id");
        let kind = path.split('/').nth(1).expect("a type");
        let by_condition = format!("/{kind}?_id={id}");
        for place in [path, &by_condition] {
            let same = send(&app, patch(place, &json!([]))).await;
            assert_eq!((same.status, same.header("etag")), (200, Some("W/\"1\"")), "{place}");
        }
        footprint.check_untouched(path);
        let one = |op: &str, path: &str, value: Value| json!([{ "op": op, "path": path, "value": value }]);
        let element = if kind == "RelatedPerson" { "/active" } else { "/status" };
        let list = match kind {
            "Consent" => "/performer",
            "RelatedPerson" => "/relationship",
            _ => "/item",
        };
        for value in [json!(null), json!({}), json!([]), json!([null]), json!({ "a": null })] {
            for operation in ["test", "add", "replace"] {
                for target in [element, list, "/text", "/meta", "/extension", "/_status"] {
                    let answer = send(&app, patch(path, &one(operation, target, value.clone()))).await;
                    assert_eq!(answer.status, 422, "{operation} {target} {value} {path}: {}", answer.json());
                }
            }
            // The same in a Bundle.
            let data = STANDARD.encode(one("test", element, value).to_string());
            let binary = json!({
                "resourceType": "Binary", "contentType": "application/json-patch+json", "data": data,
            });
            let entry = give("PATCH", &path[1..], &binary);
            let batch = post("", &bundle("batch", std::slice::from_ref(&entry)));
            assert_eq!(statuses(&send_well(&app, batch, 200).await), ["422"], "{path}");
            assert_eq!(send(&app, post("", &bundle("transaction", &[entry]))).await.status, 422, "{path}");
        }
        footprint.check_untouched(path);
        for body in [
            "",
            "[",
            "[{\"op\":\"test\",\"op\":\"test\",\"path\":\"\",\"value\":null}]",
            "null",
            "{}",
            "[null]",
            "[[]]",
        ] {
            let malformed =
                request("PATCH", path).header("Content-Type", "application/json-patch+json").body(body);
            assert_eq!(send(&app, malformed).await.status, 400, "{body}");
        }
        footprint.check_untouched(path);
    }
}
