//! The files of the access journal: what a killed process leaves is indexed once, and what is lost or changed is found.

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base::clock::{Clock as _, SystemClock};
use domain::account::{Caller, Principal};
use domain::audit::{Access, Act, Actor, Interaction};

use crate::cli::{SHORT, TOKEN, configuration};
use crate::support::poll::poll;
use crate::support::{Backend, Connection, Folder, Request, SANDBOX_DATA, ServerProcess, TestDatabase, sql};
use crate::vrs::known::MOTHERS_ROLE;

const KILLS: usize = 20;
const CONNECTIONS: usize = 8;
/// The accesses that are answered before each kill.
const ANSWERS: usize = 500;

/// A database with the people of the sandbox, and a server's settings.
struct Place {
    database: TestDatabase,
    folder: Folder,
    config: String,
}

impl Place {
    fn new() -> Self {
        let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
        let settings = configuration(&database.url) + "[limits]\nrequests_per_minute = 0\n";
        let config = folder.write("onbehalf.toml", &settings);
        let data = folder.write("data.json", SANDBOX_DATA);
        folder.run_in(&["seed", &data, "--config", &config], &SHORT).well();
        Self { database, folder, config }
    }

    fn serve(&self) -> ServerProcess {
        self.folder.start(&["serve", "--config", &self.config])
    }

    /// The segments that were written to.
    fn segments(&self) -> Vec<PathBuf> {
        let folder = format!("{}-accesses", self.database.url.strip_prefix("sqlite:").expect("a file"));
        let paths = fs::read_dir(folder).expect("the journal").map(|entry| entry.expect("an entry").path());
        paths.filter(|path| first_byte(path) != 0).collect()
    }

    /// The segment of a process that has recorded three accesses and was killed before it indexed them.
    fn left_behind(&self) -> PathBuf {
        let caller = Caller::direct(Principal::System { name: "record system".to_owned() });
        let access = |number| {
            let actor = Actor { request_id: Some(request_id(number)), ..Actor::of(&caller) };
            Access::new(Act::Access(Interaction::Read), actor, SystemClock.now()).of("Consent")
        };
        let store = self.database.open();
        for number in 0..3 {
            store.record_accesses(&[&access(number)]).expect("it is recorded");
        }
        drop(store);
        let [segment] = self.segments().try_into().expect("one segment");
        segment
    }

    /// What `audit verify` complains of.
    fn verify(&self) -> String {
        let ended = self.folder.run(&["audit", "verify", "--config", &self.config]);
        assert_eq!(ended.code, Some(1), "{}", ended.printed());
        ended.stderr
    }

    fn recorded(&self) -> Vec<String> {
        sql::values(
            &self.database.url,
            "SELECT request_id AS value FROM audit_records WHERE request_id LIKE '00000000-0000-4000-8000-%'",
        )
    }
}

fn first_byte(path: &PathBuf) -> u8 {
    let mut byte = [0];
    File::open(path).and_then(|mut file| file.read_exact(&mut byte)).expect("a segment is not empty");
    byte[0]
}

fn overwrite(segment: &Path, at: usize, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(segment).expect("it can be written");
    file.write_all_at(bytes, u64::try_from(at).expect("a place")).expect("it can be written");
}

fn read(number: usize) -> Request {
    let path = format!("/validated-relationships/FHIR/R4/Consent/{MOTHERS_ROLE}");
    Request::new("GET", &path).header("X-Request-ID", &request_id(number)).bearer(TOKEN)
}

fn request_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Reads until the server is gone; counts up from `next`, and keeps what was answered.
fn read_until_gone(address: SocketAddr, next: &AtomicUsize, answered: &AtomicUsize) -> Vec<String> {
    let mut ids = Vec::new();
    let Some(mut connection) = Connection::open(address) else { return ids };
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(answer) = connection.send(&read(number)) else { return ids };
        assert_eq!(answer.status, 200);
        ids.push(request_id(number));
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn of_ten_thousand_accesses_killed_twenty_times_each_that_was_answered_is_recorded_once() {
    let place = Place::new();
    let next = AtomicUsize::new(0);
    let mut expected: Vec<String> = Vec::new();
    for _ in 0..KILLS {
        let mut server = place.serve();
        let (address, answered) = (server.address(), AtomicUsize::new(0));
        thread::scope(|scope| {
            let reader = || read_until_gone(address, &next, &answered);
            let readers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(reader)).collect();
            poll("answers", || (answered.load(Ordering::Relaxed) >= ANSWERS).then_some(()));
            server.kill();
            expected.extend(readers.into_iter().flat_map(|reader| reader.join().expect("it read")));
        });
    }
    assert!(expected.len() >= KILLS * ANSWERS, "{}", expected.len());
    let mut recorded = place.recorded();
    recorded.sort_unstable();
    let all = recorded.len();
    recorded.dedup();
    assert_eq!(recorded.len(), all, "no access is recorded twice");
    let lost: Vec<_> = expected.iter().filter(|id| recorded.binary_search(id).is_err()).collect();
    assert_eq!(lost, Vec::<&String>::new());
    let heads = place.folder.run(&["audit", "verify", "--config", &place.config]).well();
    assert_eq!(heads.lines().count(), 16);
    assert_eq!(
        place.segments(),
        Vec::<PathBuf>::new(),
        "what is indexed, and has no process any more, is removed"
    );
}

#[test]
fn a_server_that_is_stopped_leaves_nothing_in_its_journal() {
    let place = Place::new();
    let mut server = place.serve();
    let mut connection = Connection::open(server.address()).expect("it listens");
    assert_eq!(connection.send(&read(1)).expect("an answer").status, 200);
    drop(connection);
    server.ask_to_stop();
    assert!(server.wait().success());
    // As it is, without another process that reads the journal.
    let count = "SELECT CAST(count(*) AS TEXT) AS value FROM audit_records WHERE request_id IS NOT NULL";
    assert_eq!(sql::values_as_they_are(&place.database.url, count), ["1"]);
}

#[test]
fn a_changed_byte_of_a_segment_is_found() {
    let place = Place::new();
    let segment = place.left_behind();
    let text = fs::read(&segment).expect("it can be read");
    let at = String::from_utf8_lossy(&text).find("Consent").expect("it is named");
    overwrite(&segment, at, b"D");
    let found = place.verify();
    assert!(found.contains("changed: a line is not what was written"), "{found}");
    let doctor = place.folder.run(&["doctor", "--config", &place.config]).printed();
    assert!(doctor.contains("of the access journal is changed"), "{doctor}");
}

#[test]
fn a_segment_that_was_removed_cut_or_put_there_is_found() {
    let place = Place::new();
    let segment = place.left_behind();
    let whole = fs::read(&segment).expect("it can be read");
    fs::remove_file(&segment).expect("it can be removed");
    let found = place.verify();
    assert!(found.contains("missing: the file is not there"), "{found}");

    // It is back, and is indexed; then it ends before what was indexed. Its row stays while another has the file locked.
    fs::write(&segment, &whole).expect("it can be written");
    let held = File::open(&segment).expect("it can be read");
    held.lock().expect("it is free");
    sql::catch_up(&place.database.url);
    assert_eq!(place.recorded().len(), 3);
    OpenOptions::new().write(true).open(&segment).and_then(|file| file.set_len(10)).expect("it can be cut");
    let found = place.verify();
    assert!(found.contains("cut off: the file ends before") || found.contains("changed"), "{found}");

    let other = segment.with_file_name("0123456789abcdef0123456789abcdef");
    fs::write(&segment, &whole).expect("it can be written");
    fs::write(other, &whole).expect("it can be written");
    let found = place.verify();
    assert!(found.contains("unknown: the database has no such segment"), "{found}");
}

#[test]
fn a_line_of_which_only_a_part_was_written_is_the_end_of_a_segment() {
    let place = Place::new();
    let segment = place.left_behind();
    let text = fs::read(&segment).expect("it can be read");
    let end = text.iter().position(|byte| *byte == 0).expect("the rest is filled");
    overwrite(&segment, end, &text[..40]);
    let heads = place.folder.run(&["audit", "verify", "--config", &place.config]).well();
    assert_eq!(heads.lines().count(), 16);
    assert_eq!(place.recorded().len(), 3);
}
