//! Milestones: children reach an age.

use chrono::TimeDelta;
use cli::SeedFile;
use domain::person::NumberCheck;
use rstest::rstest;
use serde_json::{Value, json};
use service::proxy as command;

use super::{create, job, runner, status, trail, write};
use crate::fhir::client::{get, put, send_well};
use crate::support::{Backend, TestApp, bodies, seed};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::MOTHER;

/// A child, born on this day, and a role of the mother for them without an end.
async fn child(app: &TestApp, born: &str, basis: &str) -> String {
    let number = seed::nhs_numbers(1).pop().expect("a number");
    let mut file = seed::people(std::slice::from_ref(&number));
    file["people"][0]["birth_date"] = born.into();
    let seed = SeedFile::parse(&file.to_string()).and_then(|file| file.read(NumberCheck::Modulus11));
    let (seed, clock) = (seed.expect("a seed"), app.clock.clone());
    write(app, move |tx| command::seed(tx, &*clock, seed)).await;
    let mut body = bodies::consent(MOTHER, &number);
    body["provision"]["period"] = json!({ "start": "2026-11-20" });
    body["policyRule"]["coding"][0]["code"] = basis.into();
    body["policyRule"]["coding"][0].as_object_mut().expect("a coding").remove("display");
    create(app, body).await
}

async fn read(app: &TestApp, role: &str) -> Value {
    send_well(app, get(&format!("/Consent/{role}")), 200).await
}

#[rstest]
#[actix_web::test]
async fn sixteenth_birthday_marks_a_role_for_review_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = child(&app, "2010-11-25", "parental-responsibility").await;
    let runner = runner(&app);
    app.clock.advance(TimeDelta::hours(59));
    runner.run_due();
    assert_eq!(trail(&app, &role).await.0, ["role-created"], "the day before");
    app.clock.advance(TimeDelta::hours(1));
    runner.run_due();
    let (acts, topics) = trail(&app, &role).await;
    assert_eq!(acts, ["role-created", "role-review-due"]);
    assert_eq!(topics, ["proxy-role-created", "proxy-role-changed"]);
    let marked = read(&app, &role).await;
    let tag = "https://fhir.onbehalf.org.uk/R4/CodeSystem/role-review|review-due";
    assert_eq!(
        (&marked["status"], &marked["meta"]["tag"][0]["code"]),
        (&"active".into(), &"review-due".into())
    );
    let found = send_well(&app, get(&format!("/Consent?_tag={tag}")), 200).await;
    assert!(found["entry"].to_string().contains(&role), "{found}");

    let mut footprint = Footprint::of(&app);
    app.clock.advance(TimeDelta::days(1));
    runner.run_due();
    let path = format!("/Consent/{role}");
    send_well(&app, put(&path, &marked), 200).await;
    footprint.check_untouched("another run, and the same again");
    let mut looked_at = marked.clone();
    looked_at["meta"].as_object_mut().expect("meta").remove("tag");
    let unmarked = send_well(&app, put(&path, &looked_at), 200).await;
    assert_eq!((&unmarked["meta"]["versionId"], &unmarked["meta"]["tag"]), (&"3".into(), &Value::Null));
    let found = send_well(&app, get(&format!("/Consent?_tag={tag}&_id={role}")), 200).await;
    assert_eq!(found["total"], 0);
    app.clock.advance(TimeDelta::days(1));
    runner.run_due();
    assert_eq!(read(&app, &role).await["meta"]["versionId"], "3", "a birthday comes once");
}

#[rstest]
#[actix_web::test]
async fn change_of_a_role_removes_the_review_mark(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = child(&app, "2010-11-25", "parental-responsibility").await;
    app.clock.advance(TimeDelta::days(3));
    runner(&app).run_due();
    let mut longer = read(&app, &role).await;
    assert_eq!(longer["meta"]["tag"][0]["code"], "review-due");
    longer["provision"]["period"]["end"] = "2028-01-01".into();
    let changed = send_well(&app, put(&format!("/Consent/{role}"), &longer), 200).await;
    assert_eq!(changed["meta"]["tag"], Value::Null);
}

#[rstest]
#[actix_web::test]
async fn parental_responsibility_ends_with_the_eighteenth_birthday_and_consent_does_not(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for (basis, expected, acts) in [
        ("parental-responsibility", ("inactive", "OTHER"), &["role-created", "role-outgrown"][..]),
        ("consent", ("active", "ROLE_CREATED"), &["role-created"]),
    ] {
        let app = TestApp::strict(backend).await;
        let role = child(&app, "2008-11-25", basis).await;
        app.clock.advance(TimeDelta::days(3));
        runner(&app).run_due();
        let (is, reason) = status(&app, &role).await;
        assert_eq!((is.as_str(), reason.as_str()), expected, "{basis}");
        assert_eq!(trail(&app, &role).await.0, acts, "{basis}");
    }
}

#[rstest]
#[actix_web::test]
async fn missed_birthdays_are_processed_later(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = child(&app, "2015-11-25", "parental-responsibility").await;
    let runner = runner(&app);
    runner.run_due();
    // The eleventh and the thirteenth, while no server ran.
    app.clock.advance(TimeDelta::days(365 * 2 + 30));
    runner.run_due();
    assert_eq!(trail(&app, &role).await.0, ["role-created", "role-review-due"]);
    assert_eq!(app.count_rows(&format!("role_milestones WHERE role_id = '{role}'")), 2);
    assert_eq!(job(&app, "milestones").await.outcome.as_deref(), Some("done"));
}

#[rstest]
#[actix_web::test]
async fn role_created_after_the_birthday_is_not_affected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = child(&app, "2010-11-19", "parental-responsibility").await;
    runner(&app).run_due();
    assert_eq!(trail(&app, &role).await.0, ["role-created"]);
}
