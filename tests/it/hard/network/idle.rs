//! Clients that connect and send nothing.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Duration, Hostile, Service, measured, memory_within, read, scale, until_over};

/// Lets this process open as many files as the system allows.
fn open_files(needed: u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < needed) {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("the limit of open files");
    }
    assert!(maximum.is_none_or(|maximum| maximum >= needed), "this needs `ulimit -Hn` of {needed}");
}

/// Half of them have never asked for anything, half have been answered once and are kept alive.
#[test]
fn idle_connections_do_not_block_others() {
    let count = scale(1000, 10_000);
    open_files(u64::try_from(count + 500).expect("a number"));
    let mut service = Service::start("[limits]\nrequest_seconds = 300\nrequests_per_minute = 0");
    let (before, files) = (service.memory().0, service.files());
    let (hostile, served) = service.attacked(|| {
        let mut hostile: Vec<Hostile> = (0..count).map(|_| Hostile::open(service.address)).collect();
        for one in hostile.iter_mut().step_by(2) {
            one.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        }
        std::thread::sleep(Duration::from_secs(3));
        hostile.iter_mut().for_each(Hostile::listen);
        hostile
    });
    let answered = hostile.iter().filter(|one| one.statuses() == [200]).count();
    assert_eq!(answered, count.div_ceil(2));
    assert!(hostile.iter().all(|one| !one.is_over), "an idle connection was ended before its time");
    assert!(service.files() >= count, "the server holds {} files", service.files());
    let allowed = u64::try_from(count / 16 + 40).expect("a number");
    measured("idle connections", format!("{count} held"));
    measured("idle connections: memory", memory_within(allowed, before, service.memory().1));
    measured("idle connections: honest client", served.well());
    drop(hostile);
    service.assert_recovered(files);
}

/// `server.connections` bounds the open connections; further clients wait, and are served when others have
/// gone.
#[test]
fn no_more_connections_are_open_than_the_settings_say() {
    let settings = "[limits]\nrequest_seconds = 3\nrequests_per_minute = 0";
    let service = Service::through_settings("connections = 64", settings);
    let sockets = service.sockets();
    let mut hostile: Vec<Hostile> = (0..300).map(|_| Hostile::open(service.address)).collect();
    std::thread::sleep(Duration::from_secs(1));
    let open = service.sockets() - sockets;
    assert!(open <= 70, "{open} connections are open");
    // Silent connections are closed after their time, and the next are accepted.
    assert_eq!(service.ask(&read()).map(|answer| answer.status), Some(200));
    until_over(&mut hostile, Duration::from_secs(60), Duration::from_millis(100), |_| {});
}

#[test]
fn low_open_file_limit_is_logged_and_respected() {
    let before = "ulimit -n 400";
    let database = crate::support::TestDatabase::migrated(crate::support::Backend::Sqlite);
    let mut service = Service::on(database, "[limits]\nrequest_seconds = 3\nrequests_per_minute = 0", before);
    let log = service.running.stderr();
    assert!(log.contains("the limit of open files (400) is too low for server.connections (16384)"), "{log}");
    let files = service.files();
    let mut hostile: Vec<Hostile> = (0..600).map(|_| Hostile::open(service.address)).collect();
    std::thread::sleep(Duration::from_secs(1));
    assert!(service.files() < 400 - 100, "{} files are open", service.files());
    assert_eq!(service.ask(&read()).map(|answer| answer.status), Some(200));
    until_over(&mut hostile, Duration::from_secs(60), Duration::from_millis(100), |_| {});
    service.assert_recovered(files);
}
