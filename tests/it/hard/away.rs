//! The database server stops during writes, and comes back.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::service::{Service, read};
use super::{measured, millis, scale};
use crate::cli::TOKEN;
use crate::support::poll::poll;
use crate::support::{Backend, Connection, Request, TestDatabase, bodies, seed, sql};

/// Stands between the program and PostgreSQL, and can cut them apart.
struct Bridge {
    port: u16,
    is_open: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

/// Where PostgreSQL really is: a socket in a folder, or a host, with its port; and the name of the database.
fn upstream(url: &str) -> (String, String) {
    let (_, place) = url.split_once('@').expect("the URL names a user");
    let (host, name) = place.split_once('/').expect("the URL names a database");
    (host.replace("%2F", "/"), name.to_owned())
}

impl Bridge {
    fn to(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (is_open, ends) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let bridge = Self { port, is_open: Arc::clone(&is_open), ends: Arc::clone(&ends) };
        let host = host.to_owned();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if is_open.load(Ordering::SeqCst) {
                    ends.lock().expect("a lock").push(client.try_clone().expect("a socket"));
                    join(client, &host);
                }
            }
        });
        bridge
    }

    fn cut(&self) {
        self.is_open.store(false, Ordering::SeqCst);
        for end in self.ends.lock().expect("a lock").drain(..) {
            let _gone = end.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }
}

/// Copies both ways until one side is gone.
fn join(client: TcpStream, host: &str) {
    let both = |mut from: Box<dyn io::Read + Send>, mut to: Box<dyn io::Write + Send>, client: TcpStream| {
        thread::spawn(move || {
            let _gone = io::copy(&mut from, &mut to);
            let _gone = client.shutdown(Shutdown::Both);
        });
    };
    let copy = || client.try_clone().expect("a socket");
    let (place, port) = host.split_once(':').unwrap_or((host, "5432"));
    if place.starts_with('/') {
        let server = UnixStream::connect(format!("{place}/.s.PGSQL.{port}")).expect("the server listens");
        let again = server.try_clone().expect("a socket");
        both(Box::new(copy()), Box::new(server), copy());
        both(Box::new(again), Box::new(copy()), copy());
    } else {
        let server = TcpStream::connect(format!("{place}:{port}")).expect("the server listens");
        let again = server.try_clone().expect("a socket");
        both(Box::new(copy()), Box::new(server), copy());
        both(Box::new(again), Box::new(copy()), copy());
    }
}

/// Writes until stopped; keeps the ids that were answered, and counts refusals.
fn write(
    service: &Service,
    people: &[String],
    next: &AtomicUsize,
    is_over: &AtomicBool,
) -> (Vec<String>, usize) {
    let (mut answered, mut refused) = (Vec::new(), 0);
    let mut connection = Connection::open(service.address).expect("it listens");
    while !is_over.load(Ordering::SeqCst) {
        let number = next.fetch_add(1, Ordering::SeqCst);
        let (proxy, step) = (number % people.len(), 1 + number / people.len());
        let patient = &people[(proxy + step) % people.len()];
        let mut body = bodies::consent(&people[proxy], patient);
        body["provision"]["period"] = serde_json::json!({ "start": "2020-01-01" });
        let request = Request::post("/validated-relationships/FHIR/R4/Consent", body).bearer(TOKEN);
        let answer = connection.send(&request).expect("an answer, whatever it is");
        match answer.status {
            201 => {
                let location = answer.header("location").expect("a Location");
                answered.push(location.rsplit_once('/').expect("an id").1.to_owned());
            }
            503 => {
                assert!(answer.header("retry-after").is_some());
                refused += 1;
                thread::sleep(Duration::from_millis(20));
            }
            status => panic!("{status}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }
    (answered, refused)
}

#[test]
fn database_restart_loses_no_answered_write() {
    let database = TestDatabase::migrated(Backend::Postgres);
    let real = database.url.clone();
    let (host, name) = upstream(&real);
    let bridge = Bridge::to(&host);
    let url = format!("postgres://onbehalf@127.0.0.1:{}/{name}", bridge.port);
    let settings = "[limits]\nrequests_per_minute = 0";
    let mut service = Service::through(database, &url, settings, "export ONBEHALF__DATABASE__WAIT_SECONDS=1");
    let people = seed::nhs_numbers(200);
    let file = service.folder.write("people.json", &seed::people(&people).to_string());
    service.folder.run(&["seed", &file, "--config", &service.config]).well();
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let cuts = scale(3, 20);
    let (answered, refused, back) = thread::scope(|scope| {
        let writers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| write(&service, &people, &next, &is_over))).collect();
        let mut back = Duration::ZERO;
        for _ in 0..cuts {
            thread::sleep(Duration::from_millis(700));
            bridge.cut();
            let ready = poll("the server to say that it is not ready", || {
                service.ask(&Request::new("GET", "/ready")).filter(|answer| answer.status == 503)
            });
            assert_eq!(ready.json()["status"], "the database does not respond");
            assert!(ready.header("retry-after").is_some());
            assert_eq!(service.ask(&Request::new("GET", "/health")).map(|answer| answer.status), Some(200));
            assert_eq!(service.ask(&read()).map(|answer| answer.status), Some(503));
            bridge.mend();
            let began = Instant::now();
            poll("the server to be ready", || {
                service.ask(&Request::new("GET", "/ready")).filter(|answer| answer.status == 200)
            });
            back = back.max(began.elapsed());
        }
        thread::sleep(Duration::from_millis(500));
        is_over.store(true, Ordering::SeqCst);
        let mut all = (Vec::new(), 0);
        for writer in writers {
            let (answered, refused) = writer.join().expect("a writer ends well");
            all.0.extend(answered);
            all.1 += refused;
        }
        (all.0, all.1, back)
    });
    let mut there = sql::values(&real, "SELECT id AS value FROM roles");
    there.sort();
    let lost: Vec<_> = answered.iter().filter(|id| there.binary_search(id).is_err()).collect();
    assert!(lost.is_empty(), "{} of {} are lost", lost.len(), answered.len());
    for (what, sql) in [
        (
            "versions",
            "SELECT r.id AS value FROM roles r WHERE NOT EXISTS (SELECT 1 FROM role_versions v WHERE v.id = r.id)",
        ),
        (
            "acts",
            "SELECT r.id AS value FROM roles r WHERE NOT EXISTS (SELECT 1 FROM audit_records a WHERE a.subject = 'Consent/' || r.id)",
        ),
    ] {
        assert!(sql::values(&real, sql).is_empty(), "roles without {what}");
    }
    service.folder.run(&["audit", "verify", "--config", &service.config]).well();
    assert!(refused > 0 && !answered.is_empty());
    assert!(service.running.has_ended().is_none());
    let text =
        format!("cut {cuts} times; {} acknowledged, none lost; {refused} answered 503", answered.len());
    measured("database server gone and back", text);
    measured("database server gone and back: ready again after", millis(back));
}
