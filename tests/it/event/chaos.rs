//! Every part fails at random, the server is killed again and again, and no event is lost.
//!
//! The ordinary suite runs a short form. The full one, 5,000 changes and ten kills: `ONBEHALF_CHAOS=full
//! tests/run --test it -- event::chaos --nocapture`

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::fhir::subscription::backport;
use crate::support::{
    Backend, Connection, Folder, ReceivedRequest, Receiver, ReceiverResponse, Request, ServerProcess,
    TestDatabase, bodies, seed, sql,
};

const TOKEN: &str = "chaos-token";
const CONSUMERS: usize = 20;
const CONNECTIONS: usize = 4;
const BASE: &str = api_vrs::BASE_PATH;

/// How much happens.
struct Size {
    changes: usize,
    kills: usize,
    people: usize,
}

fn size() -> Size {
    match std::env::var("ONBEHALF_CHAOS").as_deref() {
        Ok("full") => Size { changes: 5000, kills: 10, people: 80 },
        _ => Size { changes: 300, kills: 3, people: 40 },
    }
}

fn configuration(url: &str) -> String {
    let digest: String = Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nworkers = 2\n[database]\nurl = {url:?}\n\
         [limits]\nrequests_per_minute = 0\n\
         [subscriptions]\nloopback = true\ntimeout_seconds = 1\nmost_timeout_seconds = 1\nlease_seconds = 2\n\
         retry_seconds = [{}]\ncircuit_failures = 10\ncircuit_seconds = 1\n\
         [access]\npolicy = \"tokens\"\n[[access.tokens]]\nname = \"test\"\nmode = \"system\"\nsha256 = \"{digest}\"\n",
        ["1"; 100].join(",")
    )
}

/// A consumer that answers handshakes, and fails at one call in five.
fn moody(seed: u64) -> Receiver {
    let state = Mutex::new(seed);
    Receiver::start(move |one| {
        if one.json().to_string().contains("\"handshake\"") {
            return ReceiverResponse::status(200);
        }
        let mut state = state.lock().expect("no thread failed");
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match (*state >> 33) % 100 {
            0..8 => ReceiverResponse::status(500),
            8..11 => ReceiverResponse::Hang,
            11..15 => ReceiverResponse::Half,
            15..18 => ReceiverResponse::Close,
            18..20 => ReceiverResponse::With(429, "Retry-After: 1\r\n", ""),
            _ => ReceiverResponse::status(202),
        }
    })
}

/// The servers that are up, and what is left to do.
struct World {
    servers: Mutex<Vec<Option<SocketAddr>>>,
    people: Vec<String>,
    next: AtomicUsize,
    done: AtomicUsize,
    changes: usize,
}

impl World {
    /// The next pair of two different people.
    fn pair(&self) -> (&str, &str) {
        let (number, people) = (self.next.fetch_add(1, Ordering::Relaxed), self.people.len());
        let (proxy, step) = (number % people, 1 + number / people);
        assert!(step < people, "no pair is left");
        (&self.people[proxy], &self.people[(proxy + step) % people])
    }

    /// Creates and ends roles, at any server that is up, until enough is done.
    fn change(&self, own: usize) {
        let mut connection: Option<Connection> = None;
        while self.done.load(Ordering::Relaxed) < self.changes {
            let (proxy, patient) = self.pair();
            let mut body = bodies::consent(proxy, patient);
            body["provision"]["period"] = serde_json::json!({ "start": "2020-01-01" });
            let create = Request::post(&format!("{BASE}/Consent"), body).bearer(TOKEN);
            let Some(answer) = self.send(&mut connection, own, &create) else { continue };
            assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
            let location = answer.header("location").expect("a Location").to_owned();
            let id = location.rsplit_once('/').expect("an id").1;
            let reason = bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING");
            let patch = bodies::move_to("inactive", &[reason, bodies::grantor("A20047")]);
            let end = Request::patch(&format!("{BASE}/Consent/{id}"), patch).bearer(TOKEN);
            if let Some(answer) = self.send(&mut connection, own, &end) {
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            }
        }
    }

    fn send(
        &self,
        connection: &mut Option<Connection>,
        own: usize,
        request: &Request,
    ) -> Option<crate::support::Response> {
        if connection.is_none() {
            let up: Vec<SocketAddr> =
                self.servers.lock().expect("a lock").iter().flatten().copied().collect();
            *connection = (!up.is_empty()).then(|| Connection::open(up[own % up.len()])).flatten();
        }
        let answer = connection.as_mut().and_then(|connection| connection.send(request));
        if answer.is_some() {
            self.done.fetch_add(1, Ordering::Relaxed);
        } else {
            *connection = None;
            thread::sleep(Duration::from_millis(20));
        }
        answer
    }
}

/// What a consumer must receive: the topic, and the people where it filters by them.
fn wanted(number: usize, people: &[String]) -> (Value, String) {
    let (topic, matching) = match number % 3 {
        0 => ("proxy-role-created", "topic = 'proxy-role-created'"),
        1 => ("proxy-role-changed", "topic = 'proxy-role-changed'"),
        _ => ("proxy-role", "topic IN ('proxy-role-created', 'proxy-role-changed')"),
    };
    if number % 4 != 3 {
        return (backport(topic, "id-only", &[]), matching.to_owned());
    }
    let person = &people[number % people.len()];
    let filter = format!("patient={person}");
    (backport(topic, "id-only", &[&filter]), format!("{matching} AND patient = '{person}'"))
}

/// The events of a call: number and subject.
pub(super) fn events(one: &ReceivedRequest) -> Vec<(i64, String)> {
    let body = one.json();
    let all = body["entry"][0]["resource"]["parameter"].as_array().cloned().unwrap_or_default();
    let events = all.iter().filter(|parameter| parameter["name"] == "notification-event");
    let part = |event: &Value, name: &str, field: &str| -> String {
        let parts = event["part"].as_array().cloned().unwrap_or_default();
        let found = parts.iter().find(|part| part["name"] == name).cloned().unwrap_or_default();
        found.pointer(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let text = events.map(|event| {
        let focus = part(event, "focus", "/valueReference/reference");
        let subject: Vec<&str> = focus.rsplitn(3, '/').take(2).collect();
        let number = part(event, "event-number", "/valueString").parse().expect("a number");
        (number, format!("{}/{}", subject[1], subject[0]))
    });
    text.collect()
}

/// Every event, numbers without a gap in the order of first receipt, and duplicates that are the same.
fn check(received: &[ReceivedRequest], expected: &mut [String]) -> usize {
    let mut known: BTreeMap<i64, String> = BTreeMap::new();
    let mut ids: HashMap<(i64, i64), String> = HashMap::new();
    let mut repeated = 0;
    for one in received {
        let events = events(one);
        let (Some(first), Some(last)) = (events.first(), events.last()) else { continue };
        let id = one.header("webhook-id").expect("an id").to_owned();
        let same = ids.entry((first.0, last.0)).or_insert_with(|| id.clone());
        assert_eq!(*same, id, "a notification has one id");
        for (number, subject) in &events {
            let highest = known.keys().next_back().copied().unwrap_or_default();
            if let Some(before) = known.get(number) {
                assert_eq!(before, subject, "event {number} is another");
                repeated += 1;
            } else {
                assert_eq!(*number, highest + 1, "a gap");
                known.insert(*number, subject.clone());
            }
        }
    }
    let mut text: Vec<String> = known.into_values().collect();
    text.sort();
    expected.sort();
    assert_eq!(text, expected);
    repeated
}

fn subscribe(address: SocketAddr, receiver: &Receiver, mut body: Value) {
    body["channel"]["endpoint"] = receiver.url("/").into();
    let mut connection = Connection::open(address).expect("the server listens");
    let create = Request::post(&format!("{}/Subscription", api_fhir::BASE_PATH), body).bearer(TOKEN);
    let answer = connection.send(&create).expect("an answer");
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
}

// covers N-20, N-21, N-22, N-23
#[rstest]
#[test]
fn every_event_is_delivered_in_order_despite_failures(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let size = size();
    let database = TestDatabase::empty(backend);
    let folder = Folder::new();
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let people = folder.write("people.json", &seed::people(&seed::nhs_numbers(size.people)).to_string());
    folder.run(&["migrate", "up", "--config", &config]).well();
    folder.run(&["seed", &people, "--config", &config]).well();
    // On SQLite one process has the file; on PostgreSQL two share the work.
    let count = if backend == Backend::Postgres { 2 } else { 1 };
    let start = || folder.start(&["serve", "--config", &config]);
    let mut servers: Vec<ServerProcess> = (0..count).map(|_| start()).collect();
    let addresses: Vec<SocketAddr> = servers.iter_mut().map(ServerProcess::address).collect();
    let world = World {
        servers: Mutex::new(addresses.iter().copied().map(Some).collect()),
        people: seed::nhs_numbers(size.people),
        next: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        changes: size.changes,
    };
    let consumers: Vec<(Receiver, String)> = (0..CONSUMERS)
        .map(|number| {
            let receiver = moody(u64::try_from(number).expect("a small number") * 7919 + 17);
            let (body, matching) = wanted(number, &world.people);
            subscribe(addresses[0], &receiver, body);
            (receiver, matching)
        })
        .collect();
    let begun = Instant::now();
    thread::scope(|scope| {
        for own in 0..CONNECTIONS {
            let world = &world;
            scope.spawn(move || world.change(own));
        }
        for kill in 0..size.kills {
            let at = (size.changes * (2 * kill + 1)) / (2 * size.kills);
            while world.done.load(Ordering::Relaxed) < at {
                thread::sleep(Duration::from_millis(3));
            }
            let which = kill % servers.len();
            world.servers.lock().expect("a lock")[which] = None;
            servers[which].kill();
            servers[which] = start();
            let address = servers[which].address();
            world.servers.lock().expect("a lock")[which] = Some(address);
        }
    });
    let changed = begun.elapsed();
    let sent = "SELECT CAST(COALESCE(SUM(last_number - sent_number), 0) AS TEXT) AS value FROM deliveries";
    let waiting = "SELECT CAST(count(*) AS TEXT) AS value FROM outbox WHERE position IS NOT NULL";
    let patience = Duration::from_secs(if size.kills > 5 { 300 } else { 60 });
    while sql::number(&database.url, waiting) + sql::number(&database.url, sent) > 0 {
        assert!(begun.elapsed() < changed + patience, "events are left");
        thread::sleep(Duration::from_millis(100));
    }
    let caught_up = begun.elapsed();
    let (mut heard, mut repeated, mut calls) = (0, 0, 0);
    for (receiver, matching) in &consumers {
        let mut expected =
            sql::values(&database.url, &format!("SELECT subject AS value FROM outbox WHERE {matching}"));
        assert!(!expected.is_empty());
        let received = receiver.all();
        heard += expected.len();
        calls += received.len();
        repeated += check(&received, &mut expected);
    }
    println!(
        "{backend:?}: {} changes in {changed:.1?}, all told after {caught_up:.1?}; {} kills; {CONSUMERS} consumers \
         heard {heard} events in {calls} calls, {repeated} of them repeated",
        world.done.load(Ordering::Relaxed),
        size.kills,
    );
    folder.run(&["audit", "verify", "--config", &config]).well();
}
