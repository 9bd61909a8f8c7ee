//! Roles whose end has passed, and unused roles.

use chrono::TimeDelta;
use rstest::rstest;
use service::job::settings::Jobs;

use super::{create, create_role, job, runner, runner_with, settings, status, trail, write};
use crate::support::{Backend, TestApp, bodies, sql};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{CHILD, LONER, MOTHER, SON};

const LAPSED: (&str, &str) = ("inactive", "ROLE_DEACTIVATED_END_DATE_REACHED");

fn is(status: &(String, String), expected: (&str, &str)) -> bool {
    (status.0.as_str(), status.1.as_str()) == expected
}

#[rstest]
#[actix_web::test]
async fn role_expires_once_after_its_last_day(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    let runner = runner(&app);
    app.clock.advance(TimeDelta::days(363));
    runner.run_due();
    assert_eq!(status(&app, &role).await.0, "active", "on its last day it still works");
    app.clock.advance(TimeDelta::hours(12));
    let mut footprint = Footprint::of(&app);
    assert!(runner.run_due().contains(&"expire-roles"));
    assert!(is(&status(&app, &role).await, LAPSED));
    let (acts, topics) = trail(&app, &role).await;
    assert_eq!(acts, ["role-created", "role-lapsed"]);
    assert_eq!(topics.iter().filter(|topic| *topic == "proxy-role-changed").count(), 1, "{topics:?}");
    let grown = footprint.grown();
    assert_eq!((grown.versions, grown.acts), (Rows::CHANGED.versions, Rows::CHANGED.acts));
    app.clock.advance(TimeDelta::minutes(2));
    assert!(runner.run_due().contains(&"expire-roles"));
    footprint.check_untouched("a second run");
}

#[rstest]
#[actix_web::test]
async fn roles_that_expired_during_downtime_are_ended_by_the_next_run(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let roles = [create_role(&app, MOTHER, LONER).await, create_role(&app, MOTHER, SON).await];
    let runner = runner_with(&app, Jobs { batch: 1, ..settings() });
    app.clock.advance(TimeDelta::days(2000));
    assert!(runner.run_due().contains(&"expire-roles"));
    for role in roles {
        assert!(is(&status(&app, &role).await, LAPSED));
    }
}

#[rstest]
#[actix_web::test]
async fn failing_row_stops_no_other(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let bad = create_role(&app, MOTHER, LONER).await;
    let good = create_role(&app, MOTHER, SON).await;
    let runner = runner(&app);
    runner.run_due();
    let spoil = format!("UPDATE roles SET legal_basis = 'a poem' WHERE id = '{bad}'");
    sql::execute(&app.database_url(), &spoil);
    app.clock.advance(TimeDelta::days(400));
    runner.run_due();
    assert!(is(&status(&app, &good).await, LAPSED));
    assert_eq!(trail(&app, &bad).await.0, ["role-created"]);
    let job = job(&app, "expire-roles").await;
    assert_eq!((job.outcome.as_deref(), job.done, job.skipped), (Some("partly"), 1, 1));
}

#[rstest]
#[actix_web::test]
async fn role_of_a_hidden_person_expires_without_an_event(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    crate::fhir::visibility::standing::stand(&app, LONER, domain::person::Standing::Restricted).await;
    app.clock.advance(TimeDelta::days(400));
    runner(&app).run_due();
    assert!(is(&status(&app, &role).await, LAPSED));
    assert_eq!(trail(&app, &role).await.1, ["proxy-role-created"]);
}

#[rstest]
#[actix_web::test]
async fn unused_role_becomes_inactive_where_configured(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let unused = create_role(&app, MOTHER, LONER).await;
    let used = create_role(&app, MOTHER, SON).await;
    let id = uuid::Uuid::parse_str(&used).expect("an id");
    app.clock.advance(TimeDelta::days(50));
    let then = app.now();
    write(&app, move |tx| tx.use_role(id, then)).await;
    app.clock.advance(TimeDelta::days(50));
    let off = runner_with(&app, Jobs { unused_after_days: None, ..settings() });
    assert!(off.run_due().contains(&"deactivate-unused"));
    assert_eq!(status(&app, &unused).await.0, "active", "the settings turn it off");
    let runner = runner_with(&app, Jobs { unused_after_days: Some(90), ..settings() });
    app.clock.advance(TimeDelta::days(1));
    runner.run_due();
    assert!(is(&status(&app, &unused).await, ("inactive", "ROLE_DEACTIVATED_INACTIVE_ROLE")));
    assert_eq!(trail(&app, &unused).await.0, ["role-created", "role-unused"]);
    assert_eq!(status(&app, &used).await.0, "active");
    app.clock.advance(TimeDelta::days(60));
    runner.run_due();
    assert_eq!(status(&app, &used).await.0, "inactive");
}

// GAP-13.
#[rstest]
#[actix_web::test]
async fn by_default_a_role_becomes_inactive_after_five_years_without_use(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    // Of two adults, without an end: nothing else ends it before.
    let mut body = bodies::consent(LONER, MOTHER);
    body["provision"]["period"].as_object_mut().expect("a period").remove("end");
    let unused = create(&app, body).await;
    for (days, expected) in [(1826, "active"), (1, "inactive")] {
        app.clock.advance(TimeDelta::days(days));
        runner(&app).run_due();
        assert_eq!(status(&app, &unused).await.0, expected, "{days} days more");
    }
}

#[rstest]
#[actix_web::test]
async fn role_use_is_recorded_at_most_once_a_day(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let id = uuid::Uuid::parse_str(&create_role(&app, MOTHER, LONER).await).expect("an id");
    let first = app.now();
    let used_at = |hours: i64| {
        app.clock.advance(TimeDelta::hours(hours));
        let now = app.now();
        write(&app, move |tx| {
            tx.use_role(id, now)?;
            tx.find_role_use(id)
        })
    };
    assert_eq!(used_at(0).await, Some(first));
    assert_eq!(used_at(23).await, Some(first));
    assert_eq!(used_at(1).await, Some(first + TimeDelta::hours(24)));
}

#[rstest]
#[actix_web::test]
async fn job_statements_do_not_grow_with_the_number_of_roles(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let runner = runner(&app);
    runner.run_due();
    let cost = || {
        app.clock.advance(TimeDelta::days(1));
        let before = app.store.statements();
        assert!(runner.run_due().len() > 3);
        app.store.statements() - before
    };
    let few = cost();
    // With those that were there fewer than a table has of which SQLite makes statistics, which is a statement more.
    let numbers =
        "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 899)";
    sql::execute(
        &app.database_url(),
        &format!(
            "INSERT INTO people (nhs_number, standing, updated_at) \
                {numbers} SELECT CAST(9990000000 + n AS TEXT), 'current', 0 FROM numbers;
            INSERT INTO roles (id, version, proxy, patient, status, reason_code, legal_basis, grantor, \
                    created_text, created_from, created_to, updated_at) \
                {numbers} SELECT '018f0000-0000-7000-8000-' || CAST(100000000000 + n AS TEXT), 1, '{CHILD}', \
                    CAST(9990000000 + n AS TEXT), 'active', 'ROLE_CREATED', 'consent', 'A20047', '2020', 0, 0, {now} \
                FROM numbers;",
            now = app.now().timestamp_millis()
        ),
    );
    assert_eq!(cost(), few);
}
