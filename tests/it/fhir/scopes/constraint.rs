//! Scopes with a constraint: `system/Consent.rs?status=active`.

use rstest::rstest;
use serde_json::json;

use super::{issuing, system};
use crate::fhir::bodies::role;
use crate::fhir::client::{get, patch, post, send, send_well};
use crate::support::Backend;
use crate::support::bodies;
use crate::vrs::known::{ACTIVE, INACTIVE, LONER, PATIENTS, PROXY, REJECTED};

// covers SC-03
#[rstest]
#[actix_web::test]
async fn scope_constraint_restricts_every_read(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let token = app.token(&system(), "system/Consent.rs?status=active system/Patient.rs").await;
    for (id, status) in [(ACTIVE, 200), (INACTIVE, 404), (REJECTED, 404)] {
        for path in
            [format!("/Consent/{id}"), format!("/Consent/{id}/_history"), format!("/Consent/{id}/_history/1")]
        {
            assert_eq!(send(&app, get(&path).bearer(&token)).await.status, status, "{path}");
        }
    }
    let whole = app.token(&system(), "system/Consent.rs system/Patient.rs").await;
    let total = async |token: &str, path: &str| {
        send_well(&app, get(path).bearer(token), 200).await["total"].as_u64().expect("a total")
    };
    let active = total(&whole, "/Consent?status=active&_total=accurate").await;
    let all = total(&whole, "/Consent?_total=accurate").await;
    assert!(active < all);
    assert_eq!(total(&token, "/Consent?_total=accurate").await, active);
    assert_eq!(total(&token, "/Consent?status=inactive&_total=accurate").await, 0);
    assert_eq!(total(&token, "/Consent?status:not=active&_summary=count").await, 0);
    let history = total(&token, "/Consent/_history").await;
    assert!(history <= total(&whole, "/Consent/_history").await && history >= active);
    // Neither a chain nor an include bypasses it.
    let has = "/Patient?_has:Consent:patient:status=inactive&_total=accurate";
    assert!(total(&whole, has).await > 0);
    assert_eq!(total(&token, has).await, 0);
    let reverse = format!("/Patient?_id={}&_revinclude=Consent:patient", PATIENTS[11]);
    let found = send_well(&app, get(&reverse).bearer(&token), 200).await;
    assert_eq!(found["entry"].as_array().map(Vec::len), Some(1));
    // The constraint is not in the self link.
    let page = send_well(&app, get("/Consent").bearer(&token), 200).await;
    let link = page["link"][0]["url"].as_str().expect("a self link");
    assert!(!link.contains("status"), "{link}");
}

// covers SC-03
#[rstest]
#[actix_web::test]
async fn scope_parameters_are_and_and_scopes_are_or(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let total = async |scope: &str| {
        let token = app.token(&system(), scope).await;
        send_well(&app, get("/Consent?_total=accurate").bearer(&token), 200).await["total"].clone()
    };
    let one = format!("system/Consent.s?status=active&patient={}", PATIENTS[0]);
    let other = format!("system/Consent.s?_id={REJECTED}");
    assert_eq!(total(&one).await, 1);
    assert_eq!(total(&format!("{one}&performer={LONER}")).await, 0);
    assert_eq!(total(&format!("{one} {other}")).await, 2);
    // An unsupported search parameter lets nothing through: it must not widen the scope.
    assert_eq!(total("system/Consent.s?nonsense=x").await, 0);
}

// covers SC-03
#[rstest]
#[actix_web::test]
async fn write_must_match_the_scope_constraint_before_and_after(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let token = app.token(&system(), "system/Consent.cruds?status=active").await;
    let path = format!("/Consent/{ACTIVE}");
    let end = json!([
        { "op": "replace", "path": "/status", "value": "inactive" },
        { "op": "replace", "path": "/extension/0", "value": bodies::reason("ROLE_DEACTIVATED_PATIENT_REQUEST") },
    ]);
    let before = send_well(&app, get(&path).bearer(&token), 200).await;
    // The result would be hidden from its writer.
    assert_eq!(send(&app, patch(&path, &end).bearer(&token)).await.status, 403);
    assert_eq!(send_well(&app, get(&path).bearer(&token), 200).await, before);
    let hidden = format!("/Consent/{INACTIVE}");
    assert_eq!(send(&app, patch(&hidden, &end).bearer(&token)).await.status, 404);
    let created = send(&app, post("/Consent", &role(LONER, PATIENTS[0])).bearer(&token)).await;
    assert_eq!(created.status, 201);
    let narrow = app.token(&system(), &format!("system/Consent.c?performer={PROXY}")).await;
    let refused = send(&app, post("/Consent", &role(LONER, PATIENTS[2])).bearer(&narrow)).await;
    assert_eq!(refused.status, 403);
    let found = get(&format!("/Consent?performer={LONER}&patient={}&_total=accurate", PATIENTS[2]));
    assert_eq!(send_well(&app, found.bearer(&token), 200).await["total"], 0);
}
