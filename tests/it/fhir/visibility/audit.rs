//! Every write has an audit record and an event, and both APIs see the same.

use api_vrs as vrs;
use rstest::rstest;
use serde_json::json;

use crate::fhir::bodies::{access_request, relationship, role};
use crate::fhir::client::{entries, get, patch, post, put, send, send_well};
use crate::support::{Backend, Request, TestApp, bodies};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, PATIENTS, SON};

//
#[rstest]
#[actix_web::test]
async fn every_write_has_one_audit_record_and_one_event(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (path, body, change) in [
        ("/QuestionnaireResponse", access_request(LONER, SON), "/authored"),
        ("/Consent", role(LONER, PATIENTS[0]), "/provision/period/end"),
        ("/RelatedPerson", relationship(LONER, PATIENTS[0]), "/active"),
    ] {
        let created = send_well(&app, post(path, &body), 201).await;
        let grown = footprint.grown();
        assert_eq!((grown.acts, grown.events), (1, 1), "{path}");
        let value = match change {
            "/active" => json!(false),
            "/authored" => json!("2026-11-21T11:00:00Z"),
            _ => json!("2027-01-01"),
        };
        let id = created["id"].as_str().expect("an id");
        let place = format!("{path}/{id}");
        let wanted = json!([{ "op": "replace", "path": change, "value": value }]);
        let changed = send_well(&app, patch(&place, &wanted), 200).await;
        let grown = footprint.grown();
        assert_eq!((grown.acts, grown.events), (1, 1), "{place}");
        for request in [patch(&place, &wanted), put(&place, &changed), get(&place)] {
            send_well(&app, request, 200).await;
            footprint.check_untouched(&place);
        }
        let about = format!("{}/{id}", path.trim_start_matches('/'));
        // Two of five requests have changed something.
        for (kind, param, count) in [("AuditEvent", "entity", 5), ("Provenance", "target", 2)] {
            let found = send_well(&app, get(&format!("/{kind}?{param}={about}")), 200).await;
            assert_eq!(entries(&found).len(), count, "{kind} of {path}");
        }
    }
}

// covers V-10
#[rstest]
#[actix_web::test]
async fn role_of_one_api_is_readable_by_the_other(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let created = send_well(&app, post("/Consent", &role(LONER, PATIENTS[0])), 201).await;
    let id = created["id"].as_str().expect("an id");
    let there = app.get(&format!("/Consent/{id}")).await;
    assert_eq!(there.status, 200);
    assert!(there.json().to_string().contains(id));
    let end = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")]);
    assert_eq!(app.patch(&format!("/Consent/{id}"), end).await.status, 200);
    let here = send(&app, get(&format!("/Consent/{id}"))).await;
    assert_eq!((&here.json()["status"], here.header("etag")), (&"inactive".into(), Some("W/\"2\"")));
    let other = bodies::consent(LONER, PATIENTS[1]);
    let sent = app.send(Request::post(&format!("{}/Consent", vrs::BASE_PATH), other)).await;
    assert_eq!(sent.status, 201);
    let found = send_well(&app, get(&format!("/Consent?consentor:identifier={LONER}")), 200).await;
    assert_eq!(entries(&found).len(), 2);
}
