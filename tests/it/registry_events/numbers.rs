//! A number is superseded, and the roles move to the new one.

use rstest::rstest;
use serde_json::json;

use super::{DEATH, RESTRICTED, event, renumbered, tell};
use crate::fhir::client::{get, send_well};
use crate::job::{create_role, status, trail};
use crate::support::{Backend, TestApp, bodies};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{LONER, MOTHER, NOBODY, SON};

const NEW: &str = NOBODY[0];

#[rstest]
#[actix_web::test]
async fn the_roles_move_to_the_new_number_and_their_older_versions_keep_the_old(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    let mut footprint = Footprint::of(&app);
    let change = renumbered(LONER, NEW, 21);
    assert_eq!(tell(&app, &change).await, "applied");
    assert_eq!(footprint.grown(), Rows::CHANGED);
    let (acts, topics) = trail(&app, &role).await;
    assert_eq!((acts, topics.len()), (vec!["role-created".to_owned(), "role-renumbered".to_owned()], 2));
    let seen = send_well(&app, get(&format!("/Consent/{role}")), 200).await;
    assert_eq!(seen["patient"]["identifier"]["value"], NEW);
    assert_eq!(app.count_rows(&format!("role_versions WHERE id = '{role}' AND patient = '{LONER}'")), 1);
    assert_eq!(crate::fhir::client::send(&app, get(&format!("/Patient/{LONER}"))).await.status, 404);
    let person = send_well(&app, get(&format!("/Patient/{NEW}")), 200).await;
    assert!(person["name"][0]["family"].is_string(), "what was known of the person: {person}");
    assert_eq!(tell(&app, &change).await, "applied");
    let mut again = change.clone();
    again["id"] = "the same in other words".into();
    assert_eq!(tell(&app, &again).await, "known");
    footprint.check_untouched("told twice");
}

#[rstest]
#[actix_web::test]
async fn merge_of_two_roles_keeps_the_active_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for is_old_active in [true, false] {
        let app = TestApp::strict(backend).await;
        let old = create_role(&app, MOTHER, LONER).await;
        let new = create_role(&app, MOTHER, SON).await;
        let ended = if is_old_active { &new } else { &old };
        let end = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")]);
        assert_eq!(app.patch(&format!("/Consent/{ended}"), end).await.status, 200);
        assert_eq!(tell(&app, &renumbered(LONER, SON, 21)).await, "applied");
        assert_eq!(status(&app, &new).await.0, "active", "{is_old_active}");
        assert_eq!(status(&app, &old).await.0, "inactive", "{is_old_active}");
        let gone = crate::fhir::client::send(&app, get(&format!("/Consent/{old}"))).await;
        assert_eq!(
            (gone.status, trail(&app, &old).await.1.last().cloned()),
            (404, Some("proxy-role-deleted".into()))
        );
        let pairs = format!("roles WHERE proxy = '{MOTHER}' AND patient = '{SON}'");
        assert_eq!(app.count_rows(&pairs), 1);
    }
}

#[rstest]
#[actix_web::test]
async fn superseded_number_ends_a_role_between_own_numbers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    assert_eq!(tell(&app, &renumbered(LONER, MOTHER, 21)).await, "applied");
    assert_eq!(status(&app, &role).await, ("inactive".to_owned(), "OTHER".to_owned()));
    assert_eq!(trail(&app, &role).await.1.last().map(String::as_str), Some("proxy-role-deleted"));
}

#[rstest]
#[actix_web::test]
async fn restriction_and_death_follow_to_the_new_number(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    let others = create_role(&app, MOTHER, SON).await;
    assert_eq!(tell(&app, &event(RESTRICTED, LONER, 19)).await, "applied");
    assert_eq!(tell(&app, &event(DEATH, LONER, 19)).await, "applied");
    let mut footprint = Footprint::of(&app);
    assert_eq!(tell(&app, &renumbered(LONER, SON, 21)).await, "applied");
    for number in [LONER, SON] {
        let hidden = format!("people WHERE nhs_number = '{number}' AND standing = 'current'");
        assert_eq!(app.count_rows(&hidden), 0);
    }
    assert_eq!(status(&app, &others).await.1, "ROLE_DEACTIVATED_PATIENT_DECEASED");
    assert_eq!(status(&app, &role).await.0, "inactive");
    // Of the one that could be seen: that it is gone. Of the hidden one, nothing.
    assert_eq!(footprint.grown().events, 1);
}

#[rstest]
#[actix_web::test]
async fn adoption_does_not_link_the_old_and_new_number(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    let mut adopted = renumbered(LONER, SON, 21);
    adopted["data"]["reason"] = "adoption".into();
    assert_eq!(tell(&app, &adopted).await, "applied");
    assert_eq!(app.count_rows("number_changes"), 0);
    assert_eq!(
        app.count_rows(&format!("people WHERE nhs_number = '{LONER}' AND standing = 'invalidated'")),
        1
    );
    assert_eq!(app.count_rows(&format!("roles WHERE patient = '{SON}'")), 0);
    assert_eq!(crate::fhir::client::send(&app, get(&format!("/Consent/{role}"))).await.status, 404);
    let linking = format!("audit_records WHERE subject LIKE '%{SON}%' OR query LIKE '%{SON}%'");
    assert_eq!(app.count_rows(&linking), 0);
    // An event of another kind for the new number changes nothing of the old one.
    assert_eq!(tell(&app, &event(DEATH, SON, 21)).await, "applied");
    assert_eq!(status(&app, &role).await.0, "active");
    assert_eq!(json!(tell(&app, &renumbered(LONER, SON, 22)).await), "contradiction");
}
