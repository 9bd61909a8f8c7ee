//! An import that is stopped at any moment and started again has the same result.

use rstest::rstest;
use serde_json::Value;

use super::{Desk, report};
use crate::support::poll::poll;
use crate::support::{Backend, ServerProcess};

const LINES: usize = 450;
/// Every so-manieth line is refused.
const BAD: usize = 50;

fn lines(desk: &Desk) -> Vec<Value> {
    let line = |number: usize| {
        let mut role = desk.role(number);
        if number % BAD == 7 {
            role["status"] = "finished".into();
        }
        role
    };
    (0..LINES).map(line).collect()
}

fn start(desk: &Desk, file: &str) -> ServerProcess {
    let arguments = ["import", file, "--config", &desk.config, "--report", "left.ndjson", "--rate", "200"];
    desk.folder.start(&arguments)
}

/// Waits until more roles are there than there were.
fn wait_for_more(desk: &Desk, running: &mut ServerProcess, before: i64) -> i64 {
    poll("roles", || {
        let count = desk.count("roles");
        let ended = running.has_ended();
        assert!(ended.is_none() || count > before, "it ended: {}", running.stderr());
        (count > before).then_some(count)
    })
}

#[track_caller]
fn assert_done(desk: &Desk, text: &str) {
    let (all, bad) = (i64::try_from(LINES).unwrap(), i64::try_from(LINES / BAD).unwrap());
    assert!(
        text.contains(&format!("roles: {} created, 0 same, 0 conflict, {bad} refused", all - bad)),
        "{text}"
    );
    assert_eq!(desk.roles(), all - bad);
    let numbers: Vec<u64> = report(&desk.folder, "left.ndjson")
        .iter()
        .map(|line| line["line"].as_u64().expect("a number"))
        .collect();
    let wanted: Vec<u64> =
        (1..).zip(0..LINES).filter(|(_, at)| at % BAD == 7).map(|(line, _)| line).collect();
    assert_eq!(numbers, wanted, "each refused line is told of once");
    desk.folder.run(&["audit", "verify", "--config", &desk.config]).well();
}

#[rstest]
fn killed_import_is_resumed_by_the_next_run(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let desk = Desk::new(backend, 40);
    let file = desk.file(&lines(&desk));
    let mut before = 0;
    for _ in 0..3 {
        let mut running = start(&desk, &file);
        before = wait_for_more(&desk, &mut running, before);
        running.kill();
        desk.roles();
    }
    let ended = desk.import(&file, &["--report", "left.ndjson"]);
    assert_eq!(ended.code, Some(1), "{}", ended.printed());
    assert!(ended.stdout.contains("continuing after line "), "{}", ended.stdout);
    assert_done(&desk, &ended.stdout);
}

#[rstest]
fn import_on_sigterm_finishes_its_batch_and_says_how_to_resume(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let desk = Desk::new(backend, 40);
    let file = desk.file(&lines(&desk));
    let mut running = start(&desk, &file);
    wait_for_more(&desk, &mut running, 0);
    running.ask_to_stop();
    assert_eq!(running.wait().code(), Some(1));
    let text = running.stderr();
    assert!(text.contains("stopped after line ") && text.contains("run the same command again"), "{text}");
    let ended = desk.import(&file, &["--report", "left.ndjson"]);
    assert_done(&desk, &ended.stdout);
}

/// Without the report of the stopped run, every line is checked again.
#[test]
fn import_without_its_report_checks_every_line_again() {
    let desk = Desk::new(Backend::Sqlite, 40);
    let file = desk.file(&lines(&desk));
    let mut running = start(&desk, &file);
    wait_for_more(&desk, &mut running, 0);
    running.kill();
    std::fs::remove_file(desk.folder.path("left.ndjson")).expect("there was a report");
    let ended = desk.import(&file, &["--report", "left.ndjson"]);
    assert!(!ended.stdout.contains("continuing after"), "{}", ended.stdout);
    assert_eq!(report(&desk.folder, "left.ndjson").len(), LINES / BAD);
    assert_eq!(desk.roles(), i64::try_from(LINES - LINES / BAD).unwrap());
}

#[test]
fn changed_import_file_starts_from_its_first_line() {
    let desk = Desk::new(Backend::Sqlite, 40);
    let mut all = lines(&desk);
    let file = desk.file(&all);
    let mut running = start(&desk, &file);
    wait_for_more(&desk, &mut running, 0);
    running.kill();
    all[7]["status"] = "active".into();
    let ended = desk.import(&desk.file(&all), &[]);
    assert!(!ended.stdout.contains("continuing after"), "{}", ended.stdout);
    assert_eq!(desk.roles(), i64::try_from(LINES - LINES / BAD + 1).unwrap());
}
