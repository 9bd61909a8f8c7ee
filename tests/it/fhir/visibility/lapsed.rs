//! A role whose end has passed is not active in any answer.

use chrono::TimeDelta;
use rstest::rstest;

use crate::fhir::bodies::role;
use crate::fhir::client::{entries, get, post, send_well};
use crate::support::{Backend, TestApp};
use crate::vrs::known::{LONER, PATIENTS};

// covers V-10, R-01
#[rstest]
#[actix_web::test]
async fn expired_role_is_searched_as_inactive(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let created = send_well(&app, post("/Consent", &role(LONER, PATIENTS[0])), 201).await;
    let path = format!("/Consent/{}", created["id"].as_str().expect("an id"));
    let by = |status: &str| get(&format!("/Consent?consentor:identifier={LONER}&status={status}"));
    assert_eq!(entries(&send_well(&app, by("active"), 200).await).len(), 1);
    app.clock.advance(TimeDelta::days(364));
    assert_eq!(send_well(&app, get(&path), 200).await["status"], "inactive");
    assert_eq!(entries(&send_well(&app, by("active"), 200).await).len(), 0);
    let inactive = entries(&send_well(&app, by("inactive"), 200).await);
    assert_eq!((inactive.len(), &inactive[0]["status"]), (1, &"inactive".into()));
    let compartment = get(&format!("/Patient/{}/Consent?status=active", PATIENTS[0]));
    let active = entries(&send_well(&app, compartment, 200).await);
    assert!(active.iter().all(|role| role["id"] != created["id"]), "{active:?}");
}
