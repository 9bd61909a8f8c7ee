//! Events that arrive late, out of order, or concurrently.

use rstest::rstest;

use super::{DEATH, INVALID, LIFTED, RESTRICTED, event, moved, post, renumbered, tell};
use crate::job::{create_role, status, trail};
use crate::support::{Backend, TestApp, sql};
use crate::vrs::known::{LONER, MOTHER, NO_PRACTICE, NOBODY};

fn standing(app: &TestApp, principal: &str) -> String {
    let statement = format!("SELECT standing AS value FROM people WHERE nhs_number = '{principal}'");
    sql::values(&app.database_url(), &statement).concat()
}

#[rstest]
#[actix_web::test]
async fn older_event_does_not_undo_a_newer_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    assert_eq!(tell(&app, &event(RESTRICTED, LONER, 20)).await, "applied");
    assert_eq!(tell(&app, &event(LIFTED, LONER, 19)).await, "late");
    assert_eq!(standing(&app, LONER), "restricted");
    assert_eq!(tell(&app, &event(LIFTED, LONER, 20)).await, "late", "at the same time the safe one counts");
    assert_eq!(tell(&app, &event(LIFTED, LONER, 21)).await, "applied");
    assert_eq!(tell(&app, &event(RESTRICTED, LONER, 18)).await, "late");
    assert_eq!(standing(&app, LONER), "current");
    assert_eq!(tell(&app, &moved(LONER, "B81002", 20)).await, "applied");
    assert_eq!(tell(&app, &moved(LONER, "B81001", 19)).await, "late");
    let practice = format!("people WHERE nhs_number = '{LONER}' AND practice = 'B81002'");
    assert_eq!(app.count_rows(&practice), 1);
}

#[rstest]
#[actix_web::test]
async fn lifting_before_an_older_restriction_keeps_the_person_visible(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    assert_eq!(tell(&app, &event(LIFTED, LONER, 21)).await, "known");
    assert_eq!(tell(&app, &event(RESTRICTED, LONER, 20)).await, "late");
    assert_eq!(standing(&app, LONER), "current");
}

#[rstest]
#[actix_web::test]
async fn lifting_does_not_show_an_invalidated_person(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    assert_eq!(tell(&app, &event(RESTRICTED, LONER, 19)).await, "applied");
    assert_eq!(tell(&app, &event(INVALID, LONER, 20)).await, "applied");
    assert_eq!(tell(&app, &event(LIFTED, LONER, 21)).await, "known");
    assert_eq!(standing(&app, LONER), "invalidated");
}

#[rstest]
#[actix_web::test]
async fn event_of_a_superseded_number_applies_to_the_person(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    let new = NOBODY[0];
    assert_eq!(tell(&app, &renumbered(LONER, new, 20)).await, "applied");
    assert_eq!(tell(&app, &moved(LONER, "B81001", 21)).await, "applied");
    assert_eq!(app.count_rows(&format!("people WHERE nhs_number = '{new}' AND practice = 'B81001'")), 1);
    assert_eq!(tell(&app, &event(INVALID, LONER, 21)).await, "known", "that is about the number alone");
    assert_eq!(standing(&app, new), "current");
    assert_eq!(tell(&app, &event(DEATH, LONER, 19)).await, "applied");
    assert_eq!(status(&app, &role).await.1, "ROLE_DEACTIVATED_PATIENT_DECEASED");
}

#[rstest]
#[actix_web::test]
async fn number_changes_in_the_wrong_order_lead_to_the_last_number(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    let (second, third) = (NO_PRACTICE, NOBODY[0]);
    let options = [renumbered(second, third, 21), renumbered(LONER, second, 20)];
    for event in &options {
        let answer = super::send(&app, event).await;
        // The number of this person of the sandbox fails the check digit.
        assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(&answer.body));
    }
    let (second, third) = (crate::vrs::known::SON, NOBODY[0]);
    assert_eq!(tell(&app, &renumbered(second, third, 21)).await, "applied");
    assert_eq!(tell(&app, &renumbered(LONER, second, 20)).await, "applied");
    let id = uuid::Uuid::parse_str(&role).expect("an id");
    let versions = app.look(move |tx| tx.list_role_versions(id)).await;
    let patients: Vec<String> = versions.iter().map(|role| role.value.patient.to_string()).collect();
    assert_eq!(patients, [LONER, third]);
    assert_eq!(tell(&app, &renumbered(third, LONER, 22)).await, "contradiction", "no way leads back");
    let mut other = renumbered(LONER, MOTHER, 22);
    assert_eq!(tell(&app, &other).await, "contradiction", "it has become another already");
    other = renumbered(LONER, MOTHER, 19);
    assert_eq!(tell(&app, &other).await, "late");
}

#[rstest]
#[actix_web::test]
async fn concurrent_duplicate_events_are_processed_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    let event = event(DEATH, LONER, 20);
    let answers = futures_util::future::join_all((0..8).map(|_| app.send(post(&event)))).await;
    for answer in answers {
        assert_eq!((answer.status, answer.json()["outcome"].as_str()), (200, Some("applied")));
    }
    assert_eq!(trail(&app, &role).await.0, ["role-created", "role-bereaved"]);
    assert_eq!(app.count_rows("inbound_events"), 1);
}
