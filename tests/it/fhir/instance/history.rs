//! History.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{access_request, relationship, role};
use crate::fhir::client::{entries, get, link, outcome_of, patch, path_of, post, send, send_well};
use crate::support::{Backend, TestApp};
use crate::vrs::known::{ACTIVE, LONER, MOTHER, MOTHERS_ROLE, PATIENTS, SON};

/// Four versions of a role, a minute apart; the first is from before.
async fn age(app: &TestApp) -> String {
    let path = format!("/Consent/{MOTHERS_ROLE}");
    for date in ["2027-01-01", "2027-01-02", "2027-01-03"] {
        app.clock.advance(TimeDelta::minutes(1));
        let end = json!([{ "op": "replace", "path": "/provision/period/end", "value": date }]);
        send_well(app, patch(&path, &end), 200).await;
    }
    path
}

fn versions(bundle: &Value) -> Vec<String> {
    let version = |resource: Value| resource["meta"]["versionId"].as_str().expect("a version").to_owned();
    entries(bundle).into_iter().map(version).collect()
}

//
#[rstest]
#[actix_web::test]
async fn history_lists_every_version_newest_first(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = age(&app).await;
    let history = send_well(&app, get(&format!("{path}/_history")), 200).await;
    assert_eq!(history["type"], "history");
    assert_eq!(history["total"], 4);
    assert_eq!(versions(&history), ["4", "3", "2", "1"]);
    for entry in history["entry"].as_array().expect("entries") {
        let version = entry["resource"]["meta"]["versionId"].as_str().expect("a version");
        assert_eq!(entry["response"]["etag"], format!("W/\"{version}\""));
        assert_eq!(entry["response"]["lastModified"], entry["resource"]["meta"]["lastUpdated"]);
        let is_first = version == "1";
        assert_eq!(entry["request"]["method"], if is_first { "POST" } else { "PUT" });
        let full_url = entry["fullUrl"].as_str().expect("a URL");
        assert_eq!(path_of(&app, full_url), path);
        let read = send_well(&app, get(&format!("{path}/_history/{version}")), 200).await;
        assert_eq!(read, entry["resource"]);
    }
    let link = link(&history, "self").expect("a link");
    assert_eq!(path_of(&app, &link), format!("{path}/_history"));
}

//
#[rstest]
#[actix_web::test]
async fn history_is_limited_by_count_since_and_at(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = age(&app).await;
    for (query, wanted) in [
        ("_since=2026-11-22T12:02:00Z", vec!["4", "3"]),
        ("_since=2026-11-22T12:02:00.001Z", vec!["4"]),
        ("_since=2026-11-22T13:02:00%2B01:00", vec!["4", "3"]),
        ("_since=2026-11-22T13:02:00+01:00", vec!["4", "3"]),
        ("_since=2027-11-22T12:02:00Z", vec![]),
        ("_at=2026-11-22T12:01:30Z", vec!["2"]),
        ("_at=2026-11-22T12:02:00Z", vec!["3"]),
        ("_at=2026-11-22T12:01", vec!["2", "1"]),
        ("_at=2026-11-22", vec!["4", "3", "2", "1"]),
        ("_at=2020", vec![]),
        ("_count=", vec!["4", "3", "2", "1"]),
    ] {
        let answer = send(&app, get(&format!("{path}/_history?{query}"))).await;
        if query == "_at=2026-11-22T12:01" {
            // FHIR has no time without seconds.
            assert_eq!(answer.status, 400);
            continue;
        }
        assert_eq!(answer.status, 200, "{query}: {}", answer.json());
        assert_eq!(versions(&answer.json()), wanted, "{query}");
        assert_eq!(answer.json()["total"], wanted.len(), "{query}");
    }
    for query in [
        "_count=1&_count=2",
        "_since=2026-11-22T12:02:00Z&_since=2026-11-22T12:02:00Z",
        "_since=yesterday",
        "_since=2026-11-22",
        "_at=soon",
        "_count=many",
        "_count=-1",
        "_list=1",
        "_page=x",
    ] {
        assert_eq!(outcome_of(&send(&app, get(&format!("{path}/_history?{query}"))).await).0, 400, "{query}");
    }
    let none = send_well(&app, get(&format!("{path}/_history?_count=0")), 200).await;
    assert_eq!((&none["total"], entries(&none).len()), (&json!(4), 0));
}

//
#[rstest]
#[actix_web::test]
async fn history_pages_are_stable_while_versions_are_added(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    age(&app).await;
    for (path, extra) in [("", ACTIVE), ("/Consent", ACTIVE)] {
        let whole = send_well(&app, get(&format!("{path}/_history?_count=500")), 200).await;
        let whole: Vec<Value> = entries(&whole);
        let mut seen = Vec::new();
        let mut next = Some(format!("{path}/_history?_count=3"));
        let mut number = 0;
        while let Some(page) = next {
            number += 1;
            let page = send_well(&app, get(&page), 200).await;
            let found = entries(&page);
            assert!(found.len() <= 3);
            assert!(page["total"].as_u64() >= Some(5), "{page}");
            seen.extend(found);
            next = link(&page, "next").map(|url| path_of(&app, &url));
            app.clock.advance(TimeDelta::minutes(1));
            let date = app.now() + TimeDelta::days(number);
            let end = json!([{ "op": "add", "path": "/provision/period/end", "value": date.to_rfc3339() }]);
            send_well(&app, patch(&format!("/Consent/{extra}"), &end), 200).await;
        }
        assert_eq!(seen.len(), whole.len(), "{path}");
        assert_eq!(seen, whole, "{path}");
    }
}

//
#[rstest]
#[actix_web::test]
async fn type_and_system_history_list_written_versions(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    app.clock.advance(TimeDelta::hours(1));
    let since = "_since=2026-11-22T13:00:00Z";
    let mut made = Vec::new();
    for (path, body) in [
        ("/QuestionnaireResponse", access_request(LONER, SON)),
        ("/RelatedPerson", relationship(LONER, SON)),
        ("/Consent", role(LONER, PATIENTS[0])),
    ] {
        let created = send_well(&app, post(path, &body), 201).await;
        let history = send_well(&app, get(&format!("{path}/_history?{since}")), 200).await;
        assert_eq!(entries(&history), std::slice::from_ref(&created), "{path}");
        made.push(created);
        app.clock.advance(TimeDelta::seconds(1));
    }
    made.reverse();
    let history = send_well(&app, get(&format!("/_history?{since}")), 200).await;
    assert_eq!(entries(&history), made);
    let patient = send_well(&app, get(&format!("/Patient/{MOTHER}/_history")), 200).await;
    assert_eq!(versions(&patient), ["1"]);
}
