//! A role whose end has passed counts as inactive at once, whatever its version says.

use chrono::TimeDelta;
use rstest::rstest;

use crate::support::{Backend, Request, TestApp, bodies};

//
#[rstest]
#[actix_web::test]
async fn a_lapsed_role_is_never_not_modified(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
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
