//! The thinnest path through all layers.

use rstest::rstest;

use crate::support::{Backend, TestApp, bodies};

#[rstest]
#[actix_web::test]
async fn created_role_is_found_by_search(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let body = bodies::consent("9000000017", "9000000033");
    let created = app.post("/Consent", body).await;
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
    let found = app.get("/Consent?performer:identifier=9000000017&patient:identifier=9000000033").await;
    assert_eq!(found.json()["total"], 1);
}
