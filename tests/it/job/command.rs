//! `onbehalf jobs`.

use rstest::rstest;
use service::job::JOBS;

use crate::cli::configuration;
use crate::support::poll::poll;
use crate::support::{Backend, Folder, TestDatabase};

#[rstest]
fn the_jobs_are_listed_and_run_by_name(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let jobs = |arguments: &[&str]| folder.run(&[&["jobs"], arguments, &["--config", &config]].concat());
    let fresh = jobs(&[]).well();
    assert_eq!(fresh.lines().count(), JOBS.len());
    assert!(fresh.lines().all(|line| line.ends_with("due now, has never run")), "{fresh}");
    let ran = jobs(&["run", "purge"]).well();
    assert!(ran.starts_with("purge: due ") && ran.contains(", done (0 done, 0 skipped)"), "{ran}");
    let after = jobs(&[]).well();
    let left = after.lines().filter(|line| line.ends_with("has never run")).count();
    assert_eq!(left, JOBS.len() - 1, "{after}");
    let unknown = jobs(&["run", "nonsense"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("unknown job nonsense; the jobs are expire-roles, "),
        "{}",
        unknown.stderr
    );
}

#[rstest]
fn server_runs_jobs_by_schedule(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let mut server = folder.start(&["serve", "--config", &config]);
    server.address();
    poll("every job to run", || {
        let listed = folder.run(&["jobs", "--config", &config]).well();
        (listed.lines().filter(|line| line.contains(", done (")).count() == JOBS.len()).then_some(())
    });
    server.ask_to_stop();
    assert!(server.wait().success());
}
