//! The scheduled jobs, with the clock moved by the test.

mod command;
mod killed;
mod leases;
mod messages;
mod milestones;
mod plans;
mod purge;
mod roles;
mod statistics;

use std::sync::Arc;

use base::error::Error;
use config::Sources;
use serde_json::Value;
use service::job::Runner;
use service::job::sender::LogSender;
use service::job::settings::Jobs;
use store::JobRow;

use crate::support::{TestApp, bodies};

/// The settings of the jobs, by default.
pub fn settings() -> Jobs {
    Sources::default().load().expect("the compiled-in settings are right").jobs
}

/// A runner of a server's jobs, with these settings.
pub fn runner_with(app: &TestApp, settings: Jobs) -> Runner {
    Runner::new(app.store.clone(), app.clock.clone(), settings, Arc::new(LogSender))
}

/// A runner of a server's jobs.
pub fn runner(app: &TestApp) -> Runner {
    runner_with(app, settings())
}

/// A role of these two, until 20 November 2027, and its id.
pub async fn create_role(app: &TestApp, proxy: &str, patient: &str) -> String {
    create(app, bodies::consent(proxy, patient)).await
}

/// The role that a body makes.
pub async fn create(app: &TestApp, body: Value) -> String {
    let created = app.post("/Consent", body).await;
    assert_eq!(created.status, 201, "{created:?}");
    created.header("location").and_then(|at| at.rsplit('/').next()).expect("an id").to_owned()
}

/// The records of a role, and its events.
pub async fn trail(app: &TestApp, role: &str) -> (Vec<String>, Vec<String>) {
    let reference = format!("Consent/{role}");
    app.look(move |tx| {
        let acts = tx.list_acts(&reference)?.into_iter().map(|(act, _)| act).collect();
        Ok((acts, tx.list_topics(&reference)?))
    })
    .await
}

/// A job as the database has it.
pub async fn job(app: &TestApp, name: &'static str) -> JobRow {
    let jobs = app.look(|tx| tx.list_jobs()).await;
    jobs.into_iter().find(|job| job.name == name).expect("the job has run")
}

/// The status of a role, and its reason.
pub async fn status(app: &TestApp, role: &str) -> (String, String) {
    let id = uuid::Uuid::parse_str(role).expect("an id");
    let found = app.look(move |tx| tx.list_role_versions(id)).await;
    let last = found.last().expect("the role is there").value.clone();
    (last.status.as_str().to_owned(), last.reason.code().code().to_owned())
}

/// Does something in the database.
pub async fn write<T: Send + 'static>(
    app: &TestApp,
    work: impl FnOnce(&mut store::Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> T {
    app.store.write(work).await.expect("the database obeys")
}
