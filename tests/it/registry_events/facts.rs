//! Each kind of registry event has its effects on roles, once.

use rstest::rstest;

use super::{DEATH, INVALID, LIFTED, RESTRICTED, event, moved, send, tell};
use crate::job::{create_role, status, trail};
use crate::support::{Backend, Request, TestApp, sql};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, MOTHER, NOBODY, SON};

async fn seen(app: &TestApp, role: &str) -> u16 {
    app.send(Request::new("GET", &format!("/FHIR/R4/Consent/{role}"))).await.status
}

fn records(app: &TestApp, act: &str) -> i64 {
    app.count_rows(&format!("audit_records WHERE act = '{act}'"))
}

#[rstest]
#[actix_web::test]
async fn a_death_ends_the_roles_of_patient_and_proxy_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for (dead, reason) in
        [(LONER, "ROLE_DEACTIVATED_PATIENT_DECEASED"), (MOTHER, "ROLE_DEACTIVATED_PROXY_DECEASED")]
    {
        let app = TestApp::strict(backend).await;
        let role = create_role(&app, MOTHER, LONER).await;
        let event = event(DEATH, dead, 21);
        assert_eq!(tell(&app, &event).await, "applied");
        assert_eq!(status(&app, &role).await, ("inactive".to_owned(), reason.to_owned()));
        let (acts, topics) = trail(&app, &role).await;
        assert_eq!(acts, ["role-created", "role-bereaved"]);
        assert_eq!(topics, ["proxy-role-created", "proxy-role-changed"]);
        let mut footprint = Footprint::of(&app);
        assert_eq!(tell(&app, &event).await, "applied", "the same event again is answered as before");
        let mut other = event.clone();
        other["id"] = "another one of the same".into();
        assert_eq!(tell(&app, &other).await, "known");
        footprint.check_untouched("told twice");
        assert_eq!(records(&app, "person-died"), 1);
    }
}

#[rstest]
#[actix_web::test]
async fn invalidated_nhs_number_hides_its_roles_and_keeps_the_rows(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    let event = event(INVALID, LONER, 21);
    assert_eq!(tell(&app, &event).await, "applied");
    assert_eq!(seen(&app, &role).await, 404);
    let (acts, topics) = trail(&app, &role).await;
    assert_eq!(
        (acts.len(), topics),
        (1, vec!["proxy-role-created".to_owned(), "proxy-role-deleted".to_owned()])
    );
    assert_eq!(status(&app, &role).await.0, "active", "the row stays as it was");
    assert_eq!((records(&app, "person-invalidated"), records(&app, "role-hidden")), (1, 1));
    let mut footprint = Footprint::of(&app);
    assert_eq!(tell(&app, &event).await, "applied");
    footprint.check_untouched("told twice");
    assert_eq!(records(&app, "role-hidden"), 1);
}

#[rstest]
#[actix_web::test]
async fn restriction_hides_roles_and_lifting_shows_them(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    assert_eq!(tell(&app, &event(RESTRICTED, LONER, 20)).await, "applied");
    assert_eq!(seen(&app, &role).await, 404);
    assert_eq!(tell(&app, &event(LIFTED, LONER, 21)).await, "applied");
    assert_eq!(seen(&app, &role).await, 200);
    let (_, topics) = trail(&app, &role).await;
    assert_eq!(topics, ["proxy-role-created", "proxy-role-deleted", "proxy-role-changed"]);
    // The restriction of LONER is nothing for the proxy to read.
    let named = "audit_records WHERE act IN ('role-hidden', 'person-restricted') AND proxy IS NOT NULL";
    assert_eq!(app.count_rows(named), 0);
}

#[rstest]
#[actix_web::test]
async fn role_of_two_hidden_people_is_shown_when_both_are_visible(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    for principal in [MOTHER, LONER] {
        assert_eq!(tell(&app, &event(RESTRICTED, principal, 20)).await, "applied");
    }
    assert_eq!(tell(&app, &event(LIFTED, MOTHER, 21)).await, "applied");
    assert_eq!((seen(&app, &role).await, trail(&app, &role).await.1.len()), (404, 2));
    assert_eq!(tell(&app, &event(LIFTED, LONER, 21)).await, "applied");
    assert_eq!((seen(&app, &role).await, trail(&app, &role).await.1.len()), (200, 3));
}

#[rstest]
#[actix_web::test]
async fn a_change_of_practice_changes_the_person_and_no_role(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    create_role(&app, MOTHER, LONER).await;
    let mut footprint = Footprint::of(&app);
    assert_eq!(tell(&app, &moved(LONER, "b81001", 20)).await, "applied");
    footprint.check_untouched("another practice");
    let practice = || {
        let statement = format!("SELECT practice AS value FROM people WHERE nhs_number = '{LONER}'");
        sql::values(&app.database_url(), &statement)
    };
    assert_eq!((practice(), records(&app, "person-moved")), (vec!["B81001".to_owned()], 1));
    let mut none = moved(LONER, "", 21);
    none["data"] = serde_json::json!({ "deregistered": true });
    assert_eq!(tell(&app, &none).await, "applied");
    assert_eq!(practice(), [""]);
}

#[rstest]
#[actix_web::test]
async fn event_of_an_unknown_person_or_type_changes_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for kind in [DEATH, INVALID, RESTRICTED, LIFTED] {
        assert_eq!(tell(&app, &event(kind, NOBODY[0], 20)).await, "unknown-person", "{kind}");
    }
    assert_eq!(tell(&app, &moved(NOBODY[0], "B81001", 20)).await, "unknown-person");
    assert_eq!(tell(&app, &super::renumbered(NOBODY[0], SON, 20)).await, "unknown-person");
    let other = send(&app, &event("pds-birth-notification-1", SON, 20)).await;
    assert_eq!((other.status, other.json()["outcome"].as_str()), (202, Some("ignored")));
    footprint.check_untouched("strangers");
    // A death is final: it is kept until the person is known.
    assert_eq!((app.count_rows("inbound_events"), app.count_rows("person_facts")), (7, 1));
    assert_eq!(app.count_rows("person_facts WHERE kind = 'death'"), 1);
}

#[rstest]
#[actix_web::test]
async fn cloud_event_binary_mode_is_accepted(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    let mut request = Request::new("POST", "/events");
    let event = event(DEATH, LONER, 21);
    for (name, value) in event.as_object().expect("an object") {
        request = request.header(&format!("ce-{name}"), value.as_str().expect("a text"));
    }
    let answer = app.send(request).await;
    assert_eq!((answer.status, answer.json()["outcome"].as_str()), (200, Some("applied")));
    assert_eq!(status(&app, &role).await.0, "inactive");
}
