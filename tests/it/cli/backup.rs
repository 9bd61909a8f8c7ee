//! A backup is made during writes, and another server starts from it.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::{BASE, TOKEN, assert_one_sentence, configuration};
use crate::fhir::bodies::role;
use crate::support::poll::poll;
use crate::support::{Backend, Connection, Folder, Request, TestDatabase, bodies, seed, sql};

const PEOPLE: usize = 60;
/// How many roles are answered before the copy starts, and while it is made.
const BEFORE: usize = 40;
const MEANWHILE: usize = 20;

fn new_role(people: &[String], number: usize) -> Request {
    let (proxy, step) = (number % PEOPLE, 1 + number / PEOPLE);
    assert!(step < PEOPLE, "no pair is left");
    let mut body = bodies::consent(&people[proxy], &people[(proxy + step) % PEOPLE]);
    body["provision"]["period"] = serde_json::json!({ "start": "2020-01-01" });
    Request::post(&format!("{BASE}/Consent"), body).bearer(TOKEN)
}

/// Creates roles until stopped; keeps the ids of those that were answered.
fn create(
    address: SocketAddr,
    people: &[String],
    next: &AtomicUsize,
    stop: &AtomicBool,
    ids: &Mutex<Vec<String>>,
) {
    let mut connection = Connection::open(address).expect("the server listens");
    while !stop.load(Ordering::Relaxed) {
        let request = new_role(people, next.fetch_add(1, Ordering::Relaxed));
        let answer = connection.send(&request).expect("the server answers");
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let location = answer.header("location").expect("a Location");
        let (_, id) = location.rsplit_once('/').expect("an id");
        ids.lock().expect("no thread failed").push(id.to_owned());
    }
}

/// The settings of a server whose caller may write as fast as it can.
fn without_limit(url: &str) -> String {
    configuration(url) + "[limits]\nrequests_per_minute = 0\n"
}

/// A server under constant writes while `copy` runs; returns the ids that were answered before.
fn copy_while_writing(
    database: &TestDatabase,
    folder: &Folder,
    config: &str,
    copy: impl FnOnce(),
) -> Vec<String> {
    let people = seed::nhs_numbers(PEOPLE);
    let file = folder.write("people.json", &seed::people(&people).to_string());
    folder.run(&["seed", &file, "--config", config]).well();
    let mut server = folder.start(&["serve", "--config", config]);
    let address = server.address();
    let (next, stop, ids) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(Vec::new()));
    let count = || ids.lock().expect("no thread failed").len();
    let before = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| create(address, &people, &next, &stop, &ids));
        }
        poll("roles", || (count() >= BEFORE).then_some(()));
        let before = ids.lock().expect("no thread failed").clone();
        copy();
        // The service continues.
        let made = count();
        poll("more roles", || (count() >= made + MEANWHILE).then_some(()));
        stop.store(true, Ordering::Relaxed);
        before
    });
    assert!(sql::number(&database.url, "SELECT CAST(count(*) AS TEXT) AS value FROM roles") > 0);
    before
}

/// Another server, on the copy: it has every role that was answered before the copy started, and accepts new
/// ones.
fn assert_restored(url: &str, ids: &[String]) {
    let folder = Folder::new();
    let config = folder.write("onbehalf.toml", &without_limit(url));
    folder.run(&["audit", "verify", "--config", &config]).well();
    let mut server = folder.start(&["serve", "--config", &config]);
    let mut connection = Connection::open(server.address()).expect("the server listens");
    for id in ids {
        let read = Request::new("GET", &format!("{BASE}/Consent/{id}")).with_id().bearer(TOKEN);
        let answer = connection.send(&read).expect("there is an answer");
        assert_eq!((answer.status, answer.json()["total"].as_i64()), (200, Some(1)), "role {id} is lost");
    }
    for (table, id) in [
        ("role_versions", "'Consent/' || id"),
        ("audit_records WHERE subject_version IS NOT NULL", "subject"),
        ("outbox", "subject"),
    ] {
        let mut roles = sql::values(url, "SELECT 'Consent/' || id AS value FROM roles");
        let mut others = sql::values(url, &format!("SELECT {id} AS value FROM {table}"));
        roles.sort();
        others.sort();
        assert_eq!(roles, others, "{table}: something is there by half");
    }
    let last = new_role(&seed::nhs_numbers(PEOPLE), PEOPLE * (PEOPLE - 1) - 1);
    assert_eq!(connection.send(&last).expect("there is an answer").status, 201);
}

#[test]
fn sqlite_backup_is_consistent_during_writes() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let config = folder.write("onbehalf.toml", &without_limit(&database.url));
    let backup =
        |more: &[&str]| folder.run(&[&["backup", "copy.sqlite", "--config", &config], more].concat());
    let before = copy_while_writing(&database, &folder, &config, || {
        let text = backup(&[]).well();
        assert!(text.contains("the copy and its audit chains are intact"), "{text}");
    });
    let copy = folder.path("copy.sqlite");
    assert_eq!(std::fs::metadata(&copy).expect("a copy").permissions().mode() & 0o777, 0o600);
    assert!(!folder.path("copy.sqlite.part").exists());
    assert_one_sentence(&backup(&[]), "the file exists");
    backup(&["--force"]).well();
    assert_restored(&format!("sqlite:{}", copy.display()), &before);
}

#[test]
fn backup_overwrites_no_database_and_leaves_no_partial_file() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let backup = |file: &str| folder.run(&["backup", file, "--force", "--config", &config]);
    let itself = database.url.strip_prefix("sqlite:").expect("a file");
    assert_one_sentence(&backup(itself), "is the database itself");
    let other = folder.write("other.sqlite", "x");
    folder.write("other.sqlite-wal", "x");
    assert_one_sentence(&backup(&other), "is a database that is in use");
    assert_eq!(std::fs::read_to_string(&other).expect("it is there"), "x");
    assert_one_sentence(&backup("nowhere/copy.sqlite"), "cannot write nowhere/copy.sqlite.part");
}

#[test]
fn backup_with_a_broken_audit_chain_fails() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let people = seed::nhs_numbers(2);
    let file = folder.write("people.json", &seed::people(&people).to_string());
    folder.run(&["seed", &file, "--config", &config]).well();
    let mut one = role(&people[0], &people[1]);
    one["provision"]["period"] = serde_json::json!({ "start": "2020-01-01" });
    let roles = folder.write("roles.ndjson", &one.to_string());
    folder.run(&["import", &roles, "--config", &config]).well();
    sql::execute(
        &database.url,
        "DROP TRIGGER audit_records_keep; UPDATE audit_records SET act = 'role-changed'",
    );
    let ended = folder.run(&["backup", "copy.sqlite", "--config", &config]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("the audit record does not hold, so this is no backup"),
        "{}",
        ended.stderr
    );
    assert!(!folder.path("copy.sqlite").exists() && !folder.path("copy.sqlite.part").exists());
}

/// The folder of PostgreSQL's programs, for the path.
fn programs() -> String {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect())
        .unwrap_or_default();
    found.sort();
    let path = std::env::var("PATH").unwrap_or_default();
    found.last().map_or(path.clone(), |bin| format!("{}:{path}", bin.display()))
}

/// Runs the command that the guide has, which begins with this word.
fn run_documented(word: &str, folder: &Folder, environment: &[(&str, &str)]) {
    let guide = include_str!("../../../docs/operator.md");
    let command = guide.lines().find(|line| line.starts_with(&format!("{word} "))).expect("the guide has it");
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder.path("."));
    shell.env("PATH", programs()).envs(environment.iter().copied());
    let output = shell.output().expect("a shell");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_dump_of_postgresql_is_restored_by_the_commands_of_the_guide() {
    let (database, folder) = (TestDatabase::migrated(Backend::Postgres), Folder::new());
    let config = folder.write("onbehalf.toml", &without_limit(&database.url));
    assert_one_sentence(&folder.run(&["backup", "copy", "--config", &config]), "pg_dump");
    let before = copy_while_writing(&database, &folder, &config, || {
        run_documented("pg_dump", &folder, &[("DATABASE", &database.url)]);
    });
    let restored = TestDatabase::empty(Backend::Postgres);
    run_documented("pg_restore", &folder, &[("RESTORED", &restored.url)]);
    assert_restored(&restored.url, &before);
}
