//! The database of a command: migrated or not, reachable or not, of this program or not.

use std::net::TcpListener;

use rstest::rstest;

use super::{assert_one_sentence, configuration, counts};
use crate::support::{Backend, Folder, SANDBOX_DATA, TestDatabase, sql};

/// How many migrations there are.
fn steps() -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    std::fs::read_dir(folder).expect("the migrations").count()
}

#[rstest]
fn migrate_up_status_and_down(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (TestDatabase::empty(backend), Folder::new());
    let migrate = |arguments: &[&str]| {
        folder.run(&[&["migrate"], arguments, &["--database", &database.url]].concat()).well()
    };
    let states = |state: &str| migrate(&["status"]).lines().filter(|line| line.ends_with(state)).count();

    assert_eq!((states(" pending"), states(" applied")), (steps(), 0));
    let applied = migrate(&["up"]);
    assert_eq!(applied.lines().filter(|line| line.starts_with("applied ")).count(), steps(), "{applied}");
    assert_eq!((states(" pending"), states(" applied")), (0, steps()));
    assert!(migrate(&["up"]).contains("nothing to do"));
    assert_eq!(migrate(&["down", "--yes"]).lines().count(), 1);
    assert_eq!((states(" pending"), states(" applied")), (1, steps() - 1));
    assert_eq!(migrate(&["down", "--yes", "--steps", "99"]).lines().count(), steps() - 1);
    assert_eq!((states(" pending"), states(" applied")), (steps(), 0));
    migrate(&["up"]);
    assert_eq!(counts(&database.url), [0; 9]);
}

#[rstest]
fn unmigrated_database_is_rejected(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (TestDatabase::empty(backend), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let data = folder.write("data.json", SANDBOX_DATA);
    assert_one_sentence(&folder.run(&["serve", "--config", &config]), "not migrated");
    let length = [("ONBEHALF__CONTRACT__NHS_NUMBER_CHECK", "length")];
    assert_one_sentence(&folder.run_in(&["seed", &data, "--config", &config], &length), "not migrated");
}

#[rstest]
fn a_database_that_is_half_migrated_is_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    folder.run(&["migrate", "down", "--yes", "--config", &config]).well();
    assert_one_sentence(&folder.run(&["serve", "--config", &config]), "not migrated");
}

#[rstest]
fn a_database_of_a_newer_version_is_refused_by_every_verb_and_not_changed(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let data = folder.write("data.json", include_str!("../../../examples/people.json"));
    sql::execute(&database.url, "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
    sql::execute(&database.url, "INSERT INTO settings (name, value) VALUES ('sandbox', 'true')");
    let before = counts(&database.url);
    for verb in [&["serve"][..], &["migrate", "up"], &["migrate", "down"], &["seed", &data], &["sandbox"]] {
        let ended = folder.run(&[verb, &["--config", &config]].concat());
        assert_one_sentence(&ended, "newer version");
    }
    assert_eq!(counts(&database.url), before);
    let status = folder.run(&["migrate", "status", "--config", &config]).well();
    assert!(status.contains("99990101000000 - applied by a newer version"), "{status}");
}

#[rstest]
fn port_in_use_is_reported(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let says = format!("cannot listen on {address}");
    assert_one_sentence(&folder.run(&["serve", "--config", &config, "--listen", &address]), &says);
    assert_one_sentence(&folder.run(&["sandbox", "--listen", &address]), &says);
    assert!(!folder.path("onbehalf-sandbox.sqlite").exists(), "the sandbox touched its database first");
}

#[test]
fn invalid_database_path_is_reported() {
    let folder = Folder::new();
    folder.write("poem.txt", &"Shall I compare thee to a summer's day? ".repeat(100));
    for (path, names) in [
        ("sqlite:no-such-folder/x.sqlite", "no-such-folder/x.sqlite"),
        ("sqlite:.", "is a directory"),
        ("sqlite:/proc/x.sqlite", "/proc/x.sqlite"),
        ("sqlite:poem.txt", "poem.txt"),
    ] {
        let config = folder.write("onbehalf.toml", &configuration(path));
        for verb in [&["serve"][..], &["migrate", "up"], &["sandbox"]] {
            assert_one_sentence(&folder.run(&[verb, &["--config", &config]].concat()), names);
        }
    }
}

#[test]
fn unreachable_database_server_is_reported_without_the_password() {
    let folder = Folder::new();
    let config = folder.write("onbehalf.toml", &configuration("postgres://me:s3cret@127.0.0.1:1/name"));
    for verb in [&["serve"][..], &["migrate", "up"], &["sandbox"]] {
        let ended = folder.run(&[verb, &["--config", &config]].concat());
        assert_eq!(ended.code, Some(1), "{}", ended.printed());
        let says = "onbehalf: cannot reach the database postgres://me@127.0.0.1:1/name";
        assert!(ended.stderr.starts_with(says), "{}", ended.stderr);
        assert!(!ended.printed().contains("s3cret"), "{}", ended.stderr);
    }
}
