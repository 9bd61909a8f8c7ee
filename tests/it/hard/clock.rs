//! The clock of the server jumps: ahead and back again. Versions stay in order, ids are never used twice, tokens are
//! valid by the clock alone, and jobs and leases do not wait for a time that was wrong.

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{Principal, Proofing};
use domain::person::{NhsNumber, NumberCheck};
use rstest::rstest;
use serde_json::Value;
use service::job::JOBS;
use store::ChainFault;

use crate::fhir::bodies::role;
use crate::fhir::client::{get, post, put, send_well};
use crate::job::{create_role, job, runner, status, write};
use crate::support::{Backend, Options, TestApp, bodies, strict_contract, token};
use crate::vrs::known::{LONER, MOTHER, MOTHERS_ROLE, PATIENTS};

async fn strict(backend: Backend) -> TestApp {
    TestApp::start(backend, Options { contract: strict_contract(), ..Options::default() }).await
}

fn updated(resource: &Value) -> DateTime<Utc> {
    resource["meta"]["lastUpdated"].as_str().and_then(|at| at.parse().ok()).expect("a time")
}

#[rstest]
#[actix_web::test]
async fn versions_stay_in_order_when_the_clock_goes_back(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = strict(backend).await;
    app.clock.advance(TimeDelta::days(30));
    let created = send_well(&app, post("/Consent", &role(LONER, PATIENTS[0])), 201).await;
    app.clock.advance(TimeDelta::days(-30));
    let path = format!("/Consent/{}", created["id"].as_str().expect("an id"));
    let mut ended = send_well(&app, get(&path), 200).await;
    assert_eq!(ended, created);
    ended["status"] = "inactive".into();
    ended["extension"][0] = bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING");
    let changed = send_well(&app, put(&path, &ended), 200).await;
    assert_eq!(changed["meta"]["versionId"], "2");
    assert!(updated(&changed) >= updated(&created), "{changed} is older than what it replaces");
    let history = send_well(&app, get(&format!("{path}/_history")), 200).await;
    let versions: Vec<_> =
        history["entry"].as_array().expect("entries").iter().map(|entry| &entry["resource"]).collect();
    assert_eq!(versions, [&changed, &created], "the newest stands first");
    // What is made now has ids of its own, though they are of an earlier time.
    let other = send_well(&app, post("/Consent", &role(LONER, PATIENTS[1])), 201).await;
    assert_ne!(other["id"], created["id"]);
    let found = send_well(&app, get(&format!("/Consent?performer:identifier={LONER}")), 200).await;
    assert_eq!(found["total"], 2, "{found}");
    let breaks = app.look(|tx| tx.verify_audit(&[])).await;
    assert!(
        breaks.iter().all(|broken| broken.fault == ChainFault::BackDated),
        "the audit record holds: {breaks:?}"
    );
}

#[rstest]
#[actix_web::test]
async fn jobs_run_again_when_the_clock_comes_back(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let runner = runner(&app);
    runner.run_due();
    app.clock.advance(TimeDelta::days(3650));
    assert_eq!(runner.run_due().len(), JOBS.len());
    app.clock.advance(TimeDelta::days(-3650) + TimeDelta::days(2));
    assert_eq!(runner.run_due().len(), JOBS.len(), "no job waits for ten years");
    assert!(job(&app, "purge").await.due_at < app.now() + TimeDelta::days(2));
    assert!(runner.run_due().is_empty(), "and none runs twice");
}

#[rstest]
#[actix_web::test]
async fn lease_of_a_clock_ahead_does_not_block_a_job(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    app.clock.advance(TimeDelta::days(3650));
    let now = app.now();
    let is_taken = write(&app, move |tx| {
        tx.insert_job_if_new("expire-roles", now)?;
        tx.take_job("expire-roles", "a process that is gone", now + TimeDelta::seconds(60), now, false)
    })
    .await;
    assert!(is_taken);
    app.clock.advance(TimeDelta::days(-3650) + TimeDelta::days(400));
    assert!(runner(&app).run_due().contains(&"expire-roles"));
    assert_eq!(status(&app, &role).await.0, "inactive");
    // A clock that is ahead by little is another process's: its lease holds.
    let now = app.now();
    let ahead = now + TimeDelta::minutes(5);
    write(&app, move |tx| tx.take_job("purge", "another", ahead + TimeDelta::seconds(60), ahead, true)).await;
    assert!(!runner(&app).run_now(&JOBS[5]).expect("the database answers"));
}

#[rstest]
#[actix_web::test]
async fn token_validity_follows_the_clock(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let registrations = vec![token::registration()];
    let app = TestApp::start(backend, Options { registrations, ..Options::default() }).await;
    let nhs_number = NhsNumber::parse(MOTHER, NumberCheck::Length).expect("a number");
    let citizen = Principal::Citizen { nhs_number, proofing: Proofing::P9 };
    let token = app.token(&citizen, "user/*.rs").await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let asked = async |app: &TestApp| app.send(get(&path).bearer(&token)).await.status;
    assert_eq!(asked(&app).await, 200);
    app.clock.advance(TimeDelta::days(1));
    assert_eq!(asked(&app).await, 401, "a clock that is ahead refuses, and says so");
    app.clock.advance(TimeDelta::days(-1));
    assert_eq!(asked(&app).await, 200, "and lets in again when it is right");
    app.clock.advance(TimeDelta::days(-1));
    let status = asked(&app).await;
    assert!(status == 200 || status == 401, "{status}");
}
