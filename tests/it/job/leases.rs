//! A job runs once at a time, however many processes there are.

use std::thread;

use base::error::Error;
use chrono::TimeDelta;
use rstest::rstest;
use service::job::JOBS;

use super::{create_role, job, runner, status, trail, write};
use crate::support::poll::poll;
use crate::support::{Backend, TestApp};
use crate::vrs::known::{LONER, MOTHER};

#[rstest]
#[actix_web::test]
async fn concurrent_runners_run_a_job_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    app.clock.advance(TimeDelta::days(400));
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let runner = runner(&app);
            thread::spawn(move || runner.run_due())
        })
        .collect();
    let ran: Vec<&str> = threads.into_iter().flat_map(|thread| thread.join().expect("it ends")).collect();
    for job in JOBS {
        assert_eq!(ran.iter().filter(|name| **name == job.name).count(), 1, "{}: {ran:?}", job.name);
    }
    assert_eq!(trail(&app, &role).await.0, ["role-created", "role-lapsed"]);
}

#[rstest]
#[actix_web::test]
async fn job_of_a_dead_process_is_taken_over_after_its_lease(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    app.clock.advance(TimeDelta::days(400));
    let now = app.now();
    let until = now + TimeDelta::seconds(60);
    let is_taken = write(&app, move |tx| {
        tx.insert_job_if_new("expire-roles", now)?;
        tx.take_job("expire-roles", "a process that is gone", until, now, false)
    })
    .await;
    assert!(is_taken);
    let runner = runner(&app);
    app.clock.advance(TimeDelta::seconds(59));
    assert!(!runner.run_due().contains(&"expire-roles"));
    assert!(!runner.run_now(&JOBS[0]).expect("the database answers"), "the lease holds for everybody");
    assert_eq!(status(&app, &role).await.0, "active");
    app.clock.advance(TimeDelta::seconds(1));
    assert!(runner.run_due().contains(&"expire-roles"));
    assert_eq!(status(&app, &role).await.0, "inactive");
    // Should it still run, it finds that it has lost the lease.
    let until = app.now() + TimeDelta::hours(1);
    let keeps = write(&app, move |tx| tx.renew_job("expire-roles", "a process that is gone", until)).await;
    assert!(!keeps);
    assert_eq!(job(&app, "expire-roles").await.lease, None);
}

#[rstest]
#[actix_web::test]
async fn runner_that_lost_its_lease_commits_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let now = app.now();
    let lost: Result<bool, Error> = app
        .store
        .write(move |tx| {
            tx.insert_job_if_new("purge", now)?;
            assert!(tx.take_job("purge", "one", now + TimeDelta::seconds(60), now, false)?);
            let later = now + TimeDelta::seconds(61);
            assert!(tx.take_job("purge", "other", later + TimeDelta::seconds(60), later, false)?);
            tx.renew_job("purge", "one", later + TimeDelta::seconds(60))
        })
        .await;
    assert!(matches!(lost, Ok(false)));
}

#[rstest]
#[actix_web::test]
async fn runner_thread_starts_and_stops(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let role = create_role(&app, MOTHER, LONER).await;
    app.clock.advance(TimeDelta::days(400));
    let running = runner(&app).start();
    let store = app.store.clone();
    let id = uuid::Uuid::parse_str(&role).expect("an id");
    poll("the role to end", || {
        let versions = store.read_here::<_, Error, _>(|tx| tx.list_role_versions(id)).expect("an answer");
        (versions.len() == 2).then_some(())
    });
    drop(running);
    let jobs = app.look(|tx| tx.list_jobs()).await;
    assert!(jobs.iter().all(|job| job.lease.is_none()), "{jobs:?}");
}

#[rstest]
#[actix_web::test]
async fn a_job_is_due_again_after_its_period(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let runner = runner(&app);
    assert_eq!(runner.run_due().len(), JOBS.len());
    assert_eq!(runner.run_due(), Vec::<&str>::new());
    app.clock.advance(TimeDelta::minutes(1));
    assert_eq!(runner.run_due(), ["expire-roles", "send-messages"]);
    app.clock.advance(TimeDelta::days(30));
    assert_eq!(runner.run_due().len(), JOBS.len());
    assert!(job(&app, "remind").await.due_at > app.now(), "what was missed is not made up for run by run");
}
