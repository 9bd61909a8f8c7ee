//! Delete: never carried out, and a refused one leaves no trace.

use rstest::rstest;
use serde_json::json;

use crate::fhir::bodies::one_of_each;
use crate::fhir::client::{get, outcome_of, patch, post, put, request, send, send_well};
use crate::support::{Backend, TestApp};
use crate::vrs::callers::{NURSE, citizen, guarded};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{ACTIVE, LONER, MOTHER, MOTHERS_ROLE, NO_SUCH_ID, PATIENTS};

//
#[rstest]
#[actix_web::test]
async fn delete_is_405_for_any_id(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    for (path, body) in one_of_each(LONER, PATIENTS[0]).into_iter().rev() {
        let id = send_well(&app, post(path, &body), 201).await["id"].as_str().expect("an id").to_owned();
        let mut footprint = Footprint::of(&app);
        let there = format!("{path}/{id}");
        let first = send(&app, request("DELETE", &there)).await;
        let (status, code, _) = outcome_of(&first);
        assert_eq!((status, code.as_str()), (405, "not-supported"), "{path}");
        assert_eq!(first.header("allow"), Some("GET, HEAD, PUT, PATCH"), "{path}");
        for other in [there.clone(), format!("{path}/{NO_SUCH_ID}"), format!("{path}/none")] {
            let again = send(&app, request("DELETE", &other)).await;
            assert_eq!((again.status, again.json()), (405, first.json()), "{other}");
        }
        let by_condition = send(&app, request("DELETE", &format!("{path}?_id={id}"))).await;
        assert_eq!(outcome_of(&by_condition).0, 405, "{path}");
        assert_eq!(outcome_of(&send(&app, request("DELETE", "/Nothing/1")).await).0, 404);
        footprint.check_untouched(path);
        assert_eq!(send(&app, get(&there)).await.status, 200, "{path} is still there");
    }
}

// covers R-41, G-16
#[rstest]
#[actix_web::test]
async fn refused_delete_reveals_no_existing_resource(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    for token in [NURSE, &*citizen(MOTHER), &*citizen(LONER)] {
        let delete = |id: &str| request("DELETE", &format!("/Consent/{id}")).bearer(token);
        let (seen, hidden) = (send(&app, delete(MOTHERS_ROLE)).await, send(&app, delete(ACTIVE)).await);
        let absent = send(&app, delete(NO_SUCH_ID)).await;
        assert_eq!((seen.status, seen.json()), (405, absent.json()));
        assert_eq!((hidden.status, hidden.json()), (405, absent.json()));
    }
}

//
#[rstest]
#[actix_web::test]
async fn refused_delete_leaves_history_and_later_updates_unchanged(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    assert_eq!(send(&app, request("DELETE", &path)).await.status, 405);
    for history in [format!("{path}/_history"), "/Consent/_history".to_owned(), "/_history".to_owned()] {
        let bundle = send_well(&app, get(&history), 200).await;
        for entry in bundle["entry"].as_array().expect("entries") {
            assert_ne!(entry["request"]["method"], "DELETE", "{history}");
            assert!(entry["resource"].is_object(), "{history}");
        }
    }
    let mut footprint = Footprint::of(&app);
    let mut held = send_well(&app, get(&path), 200).await;
    held["provision"]["period"]["end"] = "2027-01-01".into();
    let updated = send(&app, put(&path, &held).header("If-Match", "W/\"1\"")).await;
    assert_eq!((updated.status, updated.header("etag")), (200, Some("W/\"2\"")));
    assert_eq!(footprint.grown(), Rows::CHANGED);
    assert_eq!(send(&app, request("DELETE", &path)).await.status, 405);
    let end = json!([{ "op": "replace", "path": "/provision/period/end", "value": "2027-01-02" }]);
    assert_eq!(send(&app, patch(&path, &end)).await.header("etag"), Some("W/\"3\""));
    let history = send_well(&app, get(&format!("{path}/_history")), 200).await;
    assert_eq!(history["total"], 3);
}
