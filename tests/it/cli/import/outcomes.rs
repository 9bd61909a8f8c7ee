//! The outcome of each line, and its report.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;

use super::{Desk, report};
use crate::support::{Backend, bodies, sql};

#[rstest]
fn every_line_has_its_outcome_and_a_second_run_changes_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let desk = Desk::new(backend, 6);
    let there = desk.folder.write("there.ndjson", &desk.role(0).to_string());
    assert!(desk.import(&there, &[]).well().contains("roles: 1 created, 0 same, 0 conflict, 0 refused"));
    let id = sql::values(&desk.database.url, "SELECT id AS value FROM roles").remove(0);

    let mut other = desk.role(0);
    other["extension"][1] = bodies::grantor("B81001");
    let mut bad = desk.role(2);
    bad["status"] = "finished".into();
    let unknown = super::endless(&desk.people[0], "9990000093");
    let lines = [desk.role(0), other, desk.role(1), bad, unknown, desk.role(1)];
    let file = desk.file(&lines);
    let ended = desk.import(&file, &["--report", "left.ndjson"]);
    assert_eq!(ended.code, Some(1), "{}", ended.printed());
    assert!(ended.stderr.contains("3 lines were not imported"), "{}", ended.stderr);
    for line in [
        "roles: 1 created, 2 same, 1 conflict, 2 refused",
        "grantor\tcreated\tsame\tconflict\trefused",
        "A20047\t1\t2\t0\t2",
        "B81001\t0\t0\t1\t0",
    ] {
        assert!(ended.stdout.lines().any(|content| content == line), "{line}: {}", ended.stdout);
    }
    let content = report(&desk.folder, "left.ndjson");
    assert_eq!(content[0], json!({ "line": 2, "outcome": "conflict", "id": id }));
    assert_eq!((&content[1]["line"], &content[1]["outcome"]), (&json!(4), &json!("refused")));
    assert_eq!(content[1]["issue"][0]["expression"], "Consent.status");
    assert_eq!(content[2]["line"], 5);
    assert_eq!(content[2]["issue"][0]["code"], "business-rule");
    assert_eq!(content[2]["issue"][0]["expression"], "Consent.patient");
    assert_eq!(content.len(), 3);
    let left = std::fs::read_to_string(desk.folder.path("left.ndjson")).expect("a report");
    desk.assert_tells_of_nobody(&format!("{left}{}", ended.printed()));
    assert!(!left.contains("9990000093"));
    assert_eq!(desk.roles(), 2);

    let again = desk.import(&file, &["--report", "left.ndjson"]);
    assert!(again.stdout.contains("roles: 0 created, 3 same, 1 conflict, 2 refused"), "{}", again.stdout);
    assert_eq!(report(&desk.folder, "left.ndjson"), content);
    assert_eq!(desk.roles(), 2);
    assert_eq!(desk.count("settings"), 0, "a file that is done leaves no mark");
    desk.folder.run(&["audit", "verify", "--config", &desk.config]).well();
}

#[rstest]
fn the_audit_record_names_the_run(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let desk = Desk::new(backend, 3);
    let content = desk.import(&desk.file(&[desk.role(0), desk.role(1)]), &[]).well();
    let run = content.lines().find_map(|line| line.strip_prefix("run ")).expect("an id");
    let records = sql::values(
        &desk.database.url,
        "SELECT act || ' ' || caller_kind || ' ' || request_id AS value FROM audit_records",
    );
    assert_eq!(records, vec![format!("role-created service {run}"); 2]);
}

#[rstest]
fn import_dry_run_validates_and_writes_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let desk = Desk::new(backend, 4);
    desk.import(&desk.file(&[desk.role(0)]), &[]).well();
    let before = super::super::counts(&desk.database.url);
    let mut bad = desk.role(2);
    bad["patient"] = bodies::person("9990000093");
    let file = desk.file(&[desk.role(0), desk.role(1), bad]);
    let ended = desk.import(&file, &["--dry-run", "--report", "left.ndjson"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("roles: 1 created, 1 same, 0 conflict, 1 refused"), "{}", ended.stdout);
    assert!(ended.stdout.contains("nothing was written"));
    assert_eq!(report(&desk.folder, "left.ndjson")[0]["line"], 3);
    assert_eq!(super::super::counts(&desk.database.url), before);
}

/// The database has a rule that the program does not know.
#[rstest]
fn failed_import_line_does_not_affect_others(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let desk = Desk::new(backend, 6);
    let refuse = match backend {
        Backend::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON roles WHEN NEW.grantor = 'B81001' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        }
        Backend::Postgres => "ALTER TABLE roles ADD CONSTRAINT refuse CHECK (grantor <> 'B81001')",
    };
    sql::execute(&desk.database.url, refuse);
    let lines: Vec<_> = (0..5)
        .map(|number| {
            let mut role = desk.role(number);
            if number == 2 {
                role["extension"][1] = bodies::grantor("B81001");
            }
            role
        })
        .collect();
    let ended = desk.import(&desk.file(&lines), &["--report", "left.ndjson"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("roles: 4 created, 0 same, 0 conflict, 1 refused"), "{}", ended.printed());
    let content = report(&desk.folder, "left.ndjson");
    assert_eq!((content.len(), &content[0]["line"]), (1, &json!(3)));
    assert_eq!(content[0]["issue"][0]["code"], "exception");
    desk.assert_tells_of_nobody(&ended.printed());
    assert_eq!(desk.roles(), 4);
}

#[test]
fn import_keeps_to_its_rate() {
    let desk = Desk::new(Backend::Sqlite, 12);
    let lines: Vec<_> = (0..120).map(|number| desk.role(number)).collect();
    let file = desk.file(&lines);
    let began = Instant::now();
    desk.import(&file, &["--rate", "100"]).well();
    // The lines of the last fifth of a second are accepted at once.
    assert!(began.elapsed() >= Duration::from_millis(950), "{:?}", began.elapsed());
    assert_eq!(desk.roles(), 120);
}

#[test]
fn invalid_import_lines_are_reported_one_by_one() {
    let desk = Desk::new(Backend::Sqlite, 3);
    let huge = format!("{{\"resourceType\":\"{}\"}}", "x".repeat(2 << 20));
    let role = desk.role(0).to_string();
    let people =
        json!({ "resourceType": "Patient", "identifier": [bodies::person(&desk.people[0])["identifier"]] });
    let text = format!("\u{feff}{role}\r\n\n{{\n{huge}\n[1]\nnull\n{people}\n{{\"resourceType\":\"Group\"}}");
    let file = desk.folder.write("odd.ndjson", &text);
    let ended = desk.import(&file, &["--report", "left.ndjson"]);
    assert!(ended.stdout.contains("roles: 1 created, 0 same, 0 conflict, 6 refused"), "{}", ended.printed());
    let content: Vec<_> = report(&desk.folder, "left.ndjson")
        .iter()
        .map(|line| {
            (line["line"].as_u64().unwrap_or(0), line["issue"][0]["code"].as_str().unwrap_or("").to_owned())
        })
        .collect();
    let wanted = [
        (3, "structure"),
        (4, "too-long"),
        (5, "invalid"),
        (6, "structure"),
        (7, "not-supported"),
        (8, "invalid"),
    ];
    assert_eq!(content, wanted.map(|(line, code)| (line, code.to_owned())));
    desk.assert_tells_of_nobody(&ended.printed());
}

// covers USE-8
#[rstest]
fn import_accepts_a_role_in_the_vrs_format(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let desk = Desk::new(backend, 2);
    let example = include_str!("../../../../examples/consent-create.json");
    let body = example.replace("9000000017", &desk.people[0]).replace("9000000025", &desk.people[1]);
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let content = desk.import(&desk.file(std::slice::from_ref(&body)), &[]).well();
    assert!(content.contains("roles: 1 created, 0 same, 0 conflict, 0 refused"), "{content}");
    assert_eq!(desk.roles(), 1);
    // A RelatedPerson of this server, named by reference, is not the proxy's Patient.
    let mut other = body;
    other["provision"]["actor"][0]["reference"]["reference"] = "RelatedPerson/x".into();
    assert_eq!(desk.import(&desk.file(&[other]), &[]).code, Some(1));
}
