//! The program as a process under attack: its memory and files, and whether an honest client is served
//! meanwhile.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::configuration;
use crate::support::{
    Backend, Connection, Folder, Request, Response, SANDBOX_DATA, ServerProcess, TestDatabase,
};

use super::millis;

/// How long an honest client may wait, at worst, on a machine that others use as well.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long every other honest client waits at most.
const SOON: Duration = Duration::from_secs(1);

/// A process that serves.
pub struct Service {
    pub folder: Folder,
    pub running: ServerProcess,
    pub address: SocketAddr,
    pub config: String,
    pub url: String,
    _database: TestDatabase,
}

/// How an honest client fared.
pub struct Served {
    latencies: Vec<Duration>,
}

impl Service {
    /// With the sandbox data and these settings beside the usual ones.
    pub fn start(settings: &str) -> Self {
        Self::on(TestDatabase::migrated(Backend::Sqlite), settings, "")
    }

    /// As [`Service::start`], with settings of `[server]` as well.
    pub fn through_settings(server: &str, settings: &str) -> Self {
        Self::on(TestDatabase::migrated(Backend::Sqlite), &format!("{settings}\n#server:{server}"), "")
    }

    /// On this database; the shell does `before` to itself first.
    pub fn on(database: TestDatabase, settings: &str, before: &str) -> Self {
        let url = database.url.clone();
        Self::through(database, &url, settings, before)
    }

    /// On this database, which the server knows by another URL.
    pub fn through(database: TestDatabase, url: &str, settings: &str, before: &str) -> Self {
        let folder = Folder::new();
        let (settings, server) = settings.split_once("#server:").unwrap_or((settings, ""));
        let workers = if server.contains("workers") { "" } else { "workers = 2\n" };
        let text = configuration(url).replace("workers = 1", &format!("{workers}{server}"));
        let text = format!("{text}[contract]\nnhs_number_check = \"length\"\n{settings}\n");
        let config = folder.write("onbehalf.toml", &text);
        let data = folder.write("data.json", SANDBOX_DATA);
        folder.run(&["seed", &data, "--config", &config]).well();
        let mut running = folder.start_after(before, &["serve", "--config", &config]);
        let address = running.address();
        Self { folder, running, address, config, url: url.to_owned(), _database: database }
    }

    /// What the process has in memory, in kB (`VmRSS`), and the most that it ever had (`VmHWM`).
    pub fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.running.id())).expect("it runs");
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
            line.split_ascii_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
        };
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// How many files the process has open.
    pub fn files(&self) -> usize {
        self.descriptors().count()
    }

    /// How many of them are sockets.
    pub fn sockets(&self) -> usize {
        let is_socket = |path: &PathBuf| {
            fs::read_link(path).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
        };
        self.descriptors().filter(is_socket).count()
    }

    fn descriptors(&self) -> impl Iterator<Item = PathBuf> {
        let all = fs::read_dir(format!("/proc/{}/fd", self.running.id())).expect("it runs");
        all.filter_map(|entry| Some(entry.ok()?.path()))
    }

    /// One request on a connection of its own; `None` where it breaks.
    pub fn ask(&self, request: &Request) -> Option<Response> {
        Connection::open(self.address)?.send(request)
    }

    /// Attacks while an honest client asks for a role again and again, each time on a new connection.
    pub fn attacked<T>(&self, attack: impl FnOnce() -> T) -> (T, Served) {
        /// Ends the honest client also where the attack fails.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let honest = scope.spawn(|| {
                let mut latencies = Vec::new();
                // An attack that is over at once is judged by what follows it.
                while !is_over.load(Ordering::Relaxed) || latencies.len() < 10 {
                    let began = Instant::now();
                    let answer = self.ask(&read()).expect("an honest client is answered");
                    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                    latencies.push(began.elapsed());
                    thread::sleep(Duration::from_millis(20));
                }
                latencies
            });
            let end = End(&is_over);
            let outcome = attack();
            drop(end);
            let mut latencies = honest.join().expect("an honest client is served");
            latencies.sort();
            (outcome, Served { latencies })
        })
    }

    /// Everything is as it was: the files of the attack are closed, and a request is answered at once.
    pub fn assert_recovered(&mut self, files: usize) {
        let began = Instant::now();
        while self.files() > files + 40 {
            assert!(
                began.elapsed() < Duration::from_secs(40),
                "{} files are open, not {files}",
                self.files()
            );
            thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(self.ask(&read()).expect("an answer").status, 200);
        assert!(self.running.has_ended().is_none());
        let log = self.running.stderr();
        assert!(!log.contains("panic"), "{log}");
    }
}

impl Served {
    /// Checks that no honest request waited for long, and reports the latencies.
    #[track_caller]
    pub fn well(&self) -> String {
        let at = |part: usize| self.latencies[(self.latencies.len() - 1) * part / 100];
        assert!(at(50) < SOON && at(100) < PATIENCE, "p50 {:?}, worst {:?}", at(50), at(100));
        let asked = self.latencies.len();
        format!("{asked} asked, p50 {}, p99 {}, worst {}", millis(at(50)), millis(at(99)), millis(at(100)))
    }
}

/// An honest request: it reads the database, and its access is recorded.
pub fn read() -> Request {
    let path = "/validated-relationships/FHIR/R4/Consent?performer:identifier=9000000017";
    Request::new("GET", path).with_id().bearer(crate::cli::TOKEN)
}

/// Memory in a sentence: before, at its most, and whether that is within what is allowed, in MB.
#[track_caller]
pub fn memory_within(allowed: u64, before: u64, most: u64) -> String {
    let grown = most.saturating_sub(before) / 1024;
    assert!(grown < allowed, "the memory grew by {grown} MB, from {} MB", before / 1024);
    format!("{} MB before, {} MB at its most", before / 1024, most / 1024)
}
