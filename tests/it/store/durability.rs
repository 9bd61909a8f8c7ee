//! The process is killed while it writes: every answered write exists, and none exists in part.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rstest::rstest;
use sha2::{Digest as _, Sha256};

use crate::support::poll::poll;
use crate::support::{Backend, Connection, Folder, Request, ServerProcess, TestDatabase, bodies, seed, sql};

const TOKEN: &str = "durable-token";
const PEOPLE: usize = 60;
const KILLS: usize = 10;
const CONNECTIONS: usize = 4;
/// How many roles are answered for before a kill.
const ANSWERS: usize = 25;
const BASE: &str = "/validated-relationships/FHIR/R4";

/// Every pair of two different people, each once.
struct Pairs {
    people: Vec<String>,
    next: AtomicUsize,
}

impl Pairs {
    fn next(&self) -> (&str, &str) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (proxy, step) = (number % PEOPLE, 1 + number / PEOPLE);
        assert!(step < PEOPLE, "no pair is left");
        (&self.people[proxy], &self.people[(proxy + step) % PEOPLE])
    }
}

fn configuration(url: &str) -> String {
    let digest: String = Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nworkers = 2\n[database]\nurl = {url:?}\n\
         [limits]\nrequests_per_minute = 0\n\
         [access]\npolicy = \"tokens\"\n[[access.tokens]]\nname = \"test\"\nmode = \"system\"\nsha256 = \"{digest}\"\n"
    )
}

/// A new role that does not end, so that the test does not age.
fn new_role(proxy: &str, patient: &str) -> Request {
    let mut body = bodies::consent(proxy, patient);
    body["provision"]["period"] = serde_json::json!({ "start": "2020-01-01" });
    Request::post(&format!("{BASE}/Consent"), body).bearer(TOKEN)
}

/// Creates one role after the other until the server is gone; keeps the ids of those that were answered.
fn create_until_gone(address: SocketAddr, pairs: &Pairs, answered: &Mutex<Vec<String>>) {
    let Some(mut connection) = Connection::open(address) else { return };
    loop {
        let (proxy, patient) = pairs.next();
        let Some(answer) = connection.send(&new_role(proxy, patient)) else { return };
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let location = answer.header("location").expect("a Location").to_owned();
        let (_, id) = location.rsplit_once('/').expect("an id");
        answered.lock().expect("no thread failed").push(id.to_owned());
    }
}

/// Kills the server in the middle of a stream of POSTs, and returns the ids that it had answered.
fn kill_while_writing(server: &mut ServerProcess, pairs: &Pairs) -> Vec<String> {
    let address = server.address();
    let answered = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| create_until_gone(address, pairs, &answered));
        }
        poll("answers", || (answered.lock().expect("no thread failed").len() >= ANSWERS).then_some(()));
        server.kill();
    });
    answered.into_inner().expect("no thread failed")
}

fn assert_role_is_there(connection: &mut Connection, url: &str, id: &str) {
    let read = Request::new("GET", &format!("{BASE}/Consent/{id}")).with_id().bearer(TOKEN);
    let answer = connection.send(&read).expect("there is an answer");
    assert_eq!((answer.status, answer.json()["total"].as_i64()), (200, Some(1)), "role {id} is lost");
    for (what, sql) in [
        ("version", format!("SELECT CAST(version AS TEXT) AS value FROM role_versions WHERE id = '{id}'")),
        (
            "audit record",
            format!(
                "SELECT CAST(subject_version AS TEXT) AS value FROM audit_records WHERE subject = 'Consent/{id}' AND subject_version IS NOT NULL"
            ),
        ),
        (
            "event",
            format!(
                "SELECT CAST(subject_version AS TEXT) AS value FROM outbox WHERE subject = 'Consent/{id}'"
            ),
        ),
    ] {
        assert_eq!(sql::values(url, &sql), ["1"], "{what} of role {id}");
    }
}

/// Roles whose create was not answered may exist, but complete.
fn assert_nothing_is_there_by_half(url: &str) {
    let ids = |table: &str, id: &str| {
        let mut ids = sql::values(url, &format!("SELECT {id} AS value FROM {table}"));
        ids.sort();
        ids
    };
    let roles = ids("roles", "'Consent/' || id");
    assert_eq!(ids("role_versions", "'Consent/' || id"), roles);
    assert_eq!(ids("audit_records WHERE subject_version IS NOT NULL", "subject"), roles);
    assert_eq!(ids("outbox", "subject"), roles);
}

#[rstest]
#[test]
fn every_answered_role_survives_a_kill(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = TestDatabase::empty(backend);
    let folder = Folder::new();
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let pairs = Pairs { people: seed::nhs_numbers(PEOPLE), next: AtomicUsize::new(0) };
    let people = folder.write("people.json", &seed::people(&pairs.people).to_string());
    folder.run(&["migrate", "up", "--config", &config]).well();
    let seeded = folder.run(&["seed", &people, "--config", &config]).well();
    assert!(seeded.contains("60 people"), "{seeded}");

    let mut all = Vec::new();
    let mut server = folder.start(&["serve", "--config", &config]);
    for _ in 0..KILLS {
        let answered = kill_while_writing(&mut server, &pairs);
        server = folder.start(&["serve", "--config", &config]);
        let mut connection = Connection::open(server.address()).expect("the server is back");
        for id in &answered {
            assert_role_is_there(&mut connection, &database.url, id);
        }
        assert_nothing_is_there_by_half(&database.url);
        folder.run(&["audit", "verify", "--config", &config]).well();
        all.extend(answered);
    }
    let mut connection = Connection::open(server.address()).expect("the server is back");
    for id in &all {
        assert_role_is_there(&mut connection, &database.url, id);
    }
    assert!(all.len() >= KILLS * ANSWERS);
}
