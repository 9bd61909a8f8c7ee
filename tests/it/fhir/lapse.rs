//! A role whose end has passed counts as inactive at once, whatever its version says.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::Value;

use crate::fhir::bodies::role;
use crate::fhir::client::{entries, get, post, put, send, send_well};
use crate::support::{Backend, Request, TestApp, bodies};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, PATIENTS};

//
#[rstest]
#[actix_web::test]
async fn expired_role_is_never_304(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let body = bodies::consent("9000000017", "9000000033");
    let created = app.post("/Consent", body).await;
    let id = created.header("location").and_then(|at| at.rsplit('/').next()).expect("an id").to_owned();
    let known = || Request::new("GET", &format!("/FHIR/R4/Consent/{id}")).header("If-None-Match", "W/\"1\"");
    assert_eq!(app.send(known()).await.status, 304);
    app.clock.advance(TimeDelta::days(400));
    let lapsed = app.send(known()).await;
    assert_eq!((lapsed.status, lapsed.json()["status"].as_str()), (200, Some("inactive")));
    let active = app.send(Request::new("GET", &format!("/FHIR/R4/Consent?_id={id}&status=active"))).await;
    assert_eq!(active.json()["total"], 0);
    let inactive = app.send(Request::new("GET", &format!("/FHIR/R4/Consent?_id={id}&status=inactive"))).await;
    assert_eq!(inactive.json()["total"], 1);
}

fn shown(resource: &Value) -> (&str, &str) {
    let code = &resource["extension"][0]["valueCodeableConcept"]["coding"][0]["code"];
    (resource["status"].as_str().expect("a status"), code.as_str().expect("a reason"))
}

/// The present version is the role, so it counts as the role does. A version that another has replaced is
/// history: it stays as it was written.
//
#[rstest]
#[actix_web::test]
async fn expired_role_is_inactive_in_its_history(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    app.clock.advance(TimeDelta::minutes(1));
    let created = send_well(&app, post("/Consent", &role(LONER, PATIENTS[0])), 201).await;
    let path = format!("/Consent/{}", created["id"].as_str().expect("an id"));
    let mut longer = created.clone();
    longer["provision"]["period"]["end"] = "2027-12-01".into();
    let second = send_well(&app, put(&path, &longer), 200).await;
    let vread = |version: u8| get(&format!("{path}/_history/{version}"));
    assert_eq!(send_well(&app, vread(2), 200).await, second);
    app.clock.advance(TimeDelta::days(500));
    let mut footprint = Footprint::of(&app);
    let read = send(&app, get(&path)).await;
    let lapsed = ("inactive", "ROLE_DEACTIVATED_END_DATE_REACHED");
    assert_eq!((shown(&read.json()), read.header("etag")), (lapsed, Some("W/\"2\"")));
    for request in [vread(2), vread(2).header("If-None-Match", "W/\"2\"")] {
        let seen = send(&app, request).await;
        assert_eq!((seen.status, seen.header("etag"), seen.json()), (200, Some("W/\"2\""), read.json()));
    }
    assert_eq!(send_well(&app, vread(1), 200).await, created, "as it was written");
    for history in
        [format!("{path}/_history"), "/Consent/_history?_count=2".to_owned(), "/_history?_count=2".to_owned()]
    {
        let history = entries(&send_well(&app, get(&history), 200).await);
        assert_eq!(history, [read.json(), created.clone()]);
    }
    footprint.check_untouched("looking");
    // A conditional change sees the version that the expiry has made; each version then is as it was written.
    let mut again = read.json();
    again["status"] = "active".into();
    again["extension"][0] = bodies::reason("ROLE_REACTIVATED");
    again["provision"]["period"]["end"] = "2029-01-01".into();
    let active = send_well(&app, put(&path, &again).header("If-Match", "W/\"2\""), 200).await;
    assert_eq!((shown(&active), &active["meta"]["versionId"]), (("active", "ROLE_REACTIVATED"), &"4".into()));
    assert_eq!(shown(&send_well(&app, vread(3), 200).await), lapsed);
    assert_eq!(send_well(&app, vread(2), 200).await, second);
    let known = get(&path).header("If-None-Match", "W/\"4\"");
    assert_eq!(send(&app, known).await.status, 304);
}
