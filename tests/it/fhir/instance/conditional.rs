//! Conditional interactions: `If-None-Exist`, and updates and patches of the match of a search.

use rstest::rstest;
use serde_json::json;

use crate::fhir::bodies::{relationship, role};
use crate::fhir::bundle::{bundle, give};
use crate::fhir::client::{get, outcome_of, patch, post, put, send, send_well};
use crate::support::{Backend, TestApp, bodies};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{CHILD, LONER, MOTHER, MOTHERS_ROLE, NO_PRACTICE, PATIENTS, PROXY, SON};

fn pair(proxy: &str, patient: &str) -> String {
    format!("consentor:identifier={proxy}&patient:identifier={patient}")
}

//
#[rstest]
#[actix_web::test]
async fn if_none_exist_creates_when_there_is_no_match(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let body = role(LONER, PATIENTS[0]);
    let condition = pair(LONER, PATIENTS[0]);
    let create = post("/Consent", &body).header("If-None-Exist", &condition);
    let created = send(&app, create.clone()).await;
    assert_eq!((created.status, footprint.grown()), (201, Rows::CREATED));
    for again in [create, post(&format!("/Consent?{condition}"), &body)] {
        let found = send(&app, again).await;
        assert_eq!((found.status, found.header("etag")), (200, Some("W/\"1\"")));
        assert_eq!(found.header("location"), created.header("location"));
        assert_eq!(found.json(), created.json());
        footprint.check_untouched("found");
    }
    // As clients write it: HAPI's with the whole URL of the search.
    for place in ["?", "Consent?", "https://elsewhere.example/FHIR/R4/Consent?"] {
        let create = post("/Consent", &body).header("If-None-Exist", &format!("{place}{condition}"));
        assert_eq!(send(&app, create).await.json(), created.json(), "{place}");
        let mut entry = give("POST", "Consent", &body);
        entry["request"]["ifNoneExist"] = format!("{place}{condition}").into();
        let answer = send_well(&app, post("", &bundle("transaction", &[entry])), 200).await;
        assert!(
            answer["entry"][0]["response"]["status"].as_str().is_some_and(|status| status.starts_with("200")),
            "{place}"
        );
        footprint.check_untouched(place);
    }
    for (row, condition, status) in [
        ("a search of another type", format!("RelatedPerson?{condition}"), 400),
        ("a search of nothing", "Consent?".to_owned(), 400),
        ("many", format!("consentor:identifier={PROXY}"), 412),
        ("nothing to search by", "_count=1".to_owned(), 400),
        ("an unknown parameter", "colour=red".to_owned(), 400),
        ("a bad value", "date=yesterday".to_owned(), 400),
    ] {
        let request = post("/Consent", &role(LONER, PATIENTS[1])).header("If-None-Exist", &condition);
        assert_eq!(outcome_of(&send(&app, request).await).0, status, "{row}");
        footprint.check_untouched(row);
    }
}

//
#[rstest]
#[actix_web::test]
async fn concurrent_if_none_exist_creates_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for (path, body, query) in [
        ("/Consent", role(LONER, SON), pair(LONER, SON)),
        ("/RelatedPerson", relationship(LONER, SON), format!("identifier={LONER}&patient:identifier={SON}")),
    ] {
        let create = || send(&app, post(path, &body).header("If-None-Exist", &query));
        let (first, second, third, fourth) = tokio::join!(create(), create(), create(), create());
        let mut statuses = [first.status, second.status, third.status, fourth.status];
        statuses.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{path}: {statuses:?}");
        let found = send_well(&app, get(&format!("{path}?{query}&_summary=count")), 200).await;
        assert_eq!(found["total"], 1, "{path}");
    }
}

//
#[rstest]
#[actix_web::test]
async fn conditional_update_changes_the_single_match(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let path = |proxy, patient| format!("/Consent?{}", pair(proxy, patient));
    let new = role(LONER, PATIENTS[0]);
    let mut with_id = new.clone();
    with_id["id"] = "mine".into();
    assert_eq!(send(&app, put(&path(LONER, PATIENTS[0]), &with_id)).await.status, 405);
    footprint.check_untouched("none, with an id");
    assert_eq!(send(&app, put(&path(LONER, PATIENTS[0]), &new)).await.status, 201);
    assert_eq!(footprint.grown(), Rows::CREATED);
    let mut held = send_well(&app, get(&format!("/Consent/{MOTHERS_ROLE}")), 200).await;
    held["status"] = "inactive".into();
    held["extension"][0] = bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING");
    let mut other = held.clone();
    other["id"] = "another".into();
    assert_eq!(send(&app, put(&path(MOTHER, CHILD), &other)).await.status, 400);
    let many = put(&format!("/Consent?consentor:identifier={PROXY}"), &new);
    assert_eq!(send(&app, many).await.status, 412);
    let stale = put(&path(MOTHER, CHILD), &held).header("If-Match", "W/\"9\"");
    assert_eq!(send(&app, stale).await.status, 412);
    assert_eq!(send(&app, put("/Consent", &new)).await.status, 400);
    footprint.check_untouched("refused");
    held.as_object_mut().expect("an object").remove("id");
    let updated = send(&app, put(&path(MOTHER, CHILD), &held)).await;
    assert_eq!((updated.status, updated.header("etag")), (200, Some("W/\"2\"")), "{}", updated.json());
    assert_eq!(footprint.grown(), Rows::CHANGED);
}

//
#[rstest]
#[actix_web::test]
async fn conditional_patch_changes_the_single_match(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let end = json!([{ "op": "replace", "path": "/provision/period/end", "value": "2027-01-01" }]);
    for (row, condition, status) in [
        ("none", pair(LONER, SON), 404),
        ("many", format!("consentor:identifier={PROXY}"), 412),
        ("nothing to search by", String::new(), 400),
        ("a person without roles", format!("patient:identifier={NO_PRACTICE}"), 404),
    ] {
        let answer = send(&app, patch(&format!("/Consent?{condition}"), &end)).await;
        assert_eq!(outcome_of(&answer).0, status, "{row}");
        footprint.check_untouched(row);
    }
    let answer = send(&app, patch(&format!("/Consent?{}", pair(MOTHER, CHILD)), &end)).await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("W/\"2\"")), "{}", answer.json());
    assert_eq!(answer.json()["provision"]["period"]["end"], "2027-01-01");
    assert_eq!(footprint.grown(), Rows::CHANGED);
}
