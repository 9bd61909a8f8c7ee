//! An access request is submitted as completed, and may be amended afterwards.

use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{access_request, fhirpath_replace};
use crate::fhir::client::{entries, get, outcome_of, patch, post, put, send, send_well, with_resource};
use crate::support::{Backend, TestApp};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, SON};
use crate::vrs::validated::validated;

const STATUS: &str = "QuestionnaireResponse.status";

// covers R-20, V-03
#[rstest]
#[actix_web::test]
async fn submitted_access_request_can_be_amended(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let created = send_well(&app, post("/QuestionnaireResponse", &access_request(LONER, SON)), 201).await;
    let id = created["id"].as_str().expect("an id");
    let path = format!("/QuestionnaireResponse/{id}");
    let mut footprint = Footprint::of(&app);
    let mut amended = created.clone();
    amended["status"] = "amended".into();
    amended["item"][0]["item"][2]["answer"][0]["valueDate"] = "1970-02-16".into();
    let changed = send_well(&app, put(&path, &amended).header("If-Match", "W/\"1\""), 200).await;
    amended["meta"] = changed["meta"].clone();
    assert_eq!((&changed, &changed["meta"]["versionId"]), (&amended, &"2".into()));
    let grown = footprint.grown();
    assert_eq!((grown.acts, grown.events, grown.requests), (1, 1, 0));
    assert_eq!(send_well(&app, put(&path, &amended), 200).await, changed);
    footprint.check_untouched("the same again");
    assert_eq!(send_well(&app, get(&format!("{path}/_history/1")), 200).await, created);
    for (status, count) in [("amended", 1), ("completed", 0)] {
        let found = get(&format!("/QuestionnaireResponse?_id={id}&status={status}"));
        assert_eq!(entries(&send_well(&app, found, 200).await).len(), count, "{status}");
    }
    let seen = validated(&app.get(&path).await);
    assert_eq!((&seen["status"], &seen["identifier"]), (&"amended".into(), &created["identifier"]));
    let by_patch = json!([{ "op": "replace", "path": "/status", "value": "completed" }]);
    assert_eq!(send_well(&app, patch(&path, &by_patch), 200).await["status"], "completed");
    let by_path = fhirpath_replace(STATUS, "valueCode", "amended".into());
    assert_eq!(send_well(&app, with_resource("PATCH", &path, &by_path), 200).await["status"], "amended");
}

// covers V-03, R-13
#[rstest]
#[actix_web::test]
async fn access_request_starts_completed_and_never_in_progress(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let created = send_well(&app, post("/QuestionnaireResponse", &access_request(LONER, SON)), 201).await;
    let path = format!("/QuestionnaireResponse/{}", created["id"].as_str().expect("an id"));
    let mut footprint = Footprint::of(&app);
    let with = |mut body: Value, status: &str| {
        body["status"] = status.into();
        body
    };
    let first = access_request(LONER, SON);
    let answer = send(&app, post("/QuestionnaireResponse", &with(first.clone(), "amended"))).await;
    assert_eq!(outcome_of(&answer), (422, "business-rule".to_owned(), STATUS.to_owned()));
    assert!(answer.json().to_string().contains("PUT it to its id"), "{}", answer.json());
    for status in ["in-progress", "entered-in-error", "stopped"] {
        for request in [
            post("/QuestionnaireResponse", &with(first.clone(), status)),
            put(&path, &with(created.clone(), status)),
            patch(&path, &json!([{ "op": "replace", "path": "/status", "value": status }])),
        ] {
            let answer = send(&app, request).await;
            assert_eq!(outcome_of(&answer), (422, "invariant".to_owned(), STATUS.to_owned()), "{status}");
            let words = answer.json()["issue"][0]["diagnostics"].as_str().expect("a sentence").to_owned();
            assert!(words.contains("keeps no drafts"), "{words}");
        }
    }
    footprint.check_untouched("all of them");
}
