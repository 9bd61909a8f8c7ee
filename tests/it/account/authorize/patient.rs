//! The choice of the patient to act for.

use chrono::TimeDelta;
use domain::account::{Acting, LogInStage};
use rstest::rstest;

use super::{Browser, away, goes_to, start, text};
use crate::proxy::role_create::number;
use crate::support::{Backend, bodies};
use crate::vrs::known::{ACTIVE, CHILD, LONER, MOTHER, MOTHERS_ROLE};

const SCOPES: &str = "openid launch/patient patient/Consent.rs";

// covers LA-02, PX-01
#[rstest]
#[actix_web::test]
async fn patient_page_lists_the_user_and_active_roles_without_nhs_numbers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    let page = browser.get("/oauth/patient").await;
    let html = text(&page);
    assert_eq!(html.matches("type=\"radio\"").count(), 3, "{html}");
    for there in ["Yourself", "Miss Jane Marie Anne Smith", "Born 22 October 2022", "Mrs Sally Evans"] {
        assert!(html.contains(there), "{there}");
    }
    assert!(!html.contains("90000000"), "an NHS number is shown");
}

#[rstest]
#[actix_web::test]
async fn chosen_patient_is_kept_and_can_be_changed(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    let role = MOTHERS_ROLE.parse().unwrap();
    for (value, expected) in
        [(MOTHERS_ROLE, Acting::For { patient: number(CHILD), role }), ("self", Acting::Oneself)]
    {
        let answer = browser.submit("/oauth/patient", &[("patient", value)]).await;
        assert_eq!(goes_to(&answer), (303, "/oauth/approve"));
        let Some(LogInStage::Known { acting, .. }) = browser.log_in().await.map(|log_in| log_in.stage) else {
            panic!("the log-in is gone")
        };
        assert_eq!(acting, Some(expected));
    }
}

// covers PX-03
#[rstest]
#[actix_web::test]
async fn acting_requires_an_active_role_of_the_user(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let end = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")]);
    assert_eq!(app.patch(&format!("/Consent/{MOTHERS_ROLE}"), end).await.status, 200);
    let mut future = bodies::consent(MOTHER, LONER);
    future["provision"]["period"]["start"] = "2026-12-24".into();
    let created = app.post("/Consent", future).await;
    let future = created.header("location").and_then(|at| at.rsplit('/').next()).expect("an id").to_owned();
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    for role in [ACTIVE, MOTHERS_ROLE, &future, "nonsense", ""] {
        let answer = browser.submit("/oauth/patient", &[("patient", role)]).await;
        assert_eq!(goes_to(&answer), (409, ""), "{role}");
        let html = text(&answer);
        assert!(html.contains("<title>Error: Who do you want"), "{role}");
        assert!(html.contains("You cannot act for this person now."), "{role}");
        let stage = browser.log_in().await.map(|log_in| log_in.stage);
        assert!(matches!(stage, Some(LogInStage::Known { acting: None, .. })), "{role}");
    }
    app.clock.advance(TimeDelta::minutes(14));
    let unsaid = browser.submit("/oauth/patient", &[]).await;
    assert_eq!(unsaid.status, 400);
    assert!(text(&unsaid).contains("Select who you want to use the app for"));
}

#[rstest]
#[actix_web::test]
async fn log_in_without_patient_scope_skips_the_patient_page(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut oneself = Browser::citizen(&app, MOTHER, "openid user/Consent.rs").await;
    assert_eq!(goes_to(&oneself.get("/oauth/patient").await), (303, "/oauth/approve"));
    let app = start(backend).await;
    let mut away = Browser::at(&app, "portal", SCOPES, away("nhs-login")).await;
    assert_eq!(goes_to(&away.get("/oauth/patient").await), (303, "/oauth/log-in"));
    assert_eq!(goes_to(&away.get("/oauth/approve").await), (303, "/oauth/log-in"));
}
