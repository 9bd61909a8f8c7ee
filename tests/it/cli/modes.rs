//! Every file that a command creates has mode 600, whatever the umask (SEC-13): the database, SQLite's
//! further files, keys, backups, exports, reports.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::configuration;
use crate::support::poll::poll;
use crate::support::{Folder, SANDBOX_DATA};

/// The umask of most systems: new files are readable by every user.
const WIDE: &str = "umask 022";
const LENGTH: &str = "[contract]\nnhs_number_check = \"length\"\n";

struct Place {
    folder: Folder,
    config: String,
}

impl Place {
    fn new() -> Self {
        let folder = Folder::new();
        let oauth = "[oauth]\nkeys = \"keys\"\n";
        let text = format!("{}{LENGTH}{oauth}", configuration("sqlite:data.sqlite"));
        let config = folder.write("onbehalf.toml", &text);
        folder.write("data.json", SANDBOX_DATA);
        Self { folder, config }
    }

    /// The files below the folder that the program has created: none of the tests' own.
    fn created(&self) -> BTreeSet<(String, u32)> {
        let mut files = BTreeSet::new();
        let mut folders = vec![self.folder.path("")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
                let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
                // What SQLite has put beside the database can be gone by now.
                let Ok(found) = entry.metadata() else { continue };
                let is_ours = Path::new(&name)
                    .extension()
                    .is_some_and(|end| ["toml", "json", "out", "err"].iter().any(|ours| end == *ours));
                if found.is_dir() {
                    assert_eq!(found.permissions().mode() & 0o077, 0, "{name}");
                    folders.push(path);
                } else if !is_ours {
                    files.insert((name, found.permissions().mode() & 0o777));
                }
            }
        }
        files
    }

    #[track_caller]
    fn assert_private(&self, command: &str, expected: &[&str]) {
        let created = self.created();
        for name in expected {
            assert!(created.iter().any(|(file, _)| file == name), "{command}: no {name}: {created:?}");
        }
        let wide: Vec<_> = created.iter().filter(|(_, mode)| mode & 0o077 != 0).collect();
        assert!(wide.is_empty(), "{command}: {wide:?}");
    }

    fn run(&self, arguments: &[&str]) {
        let arguments = [arguments, &["--config", &self.config]].concat();
        let mut running = self.folder.start_after(WIDE, &arguments);
        let status = running.wait();
        assert!(status.success(), "{arguments:?}: {}{}", running.stdout(), running.stderr());
    }

    /// Starts a server, and looks at the files while it runs.
    fn serve(&self, arguments: &[&str], expected: &[&str]) {
        let arguments = [arguments, &["--config", &self.config]].concat();
        let mut running = self.folder.start_after(WIDE, &arguments);
        running.address();
        poll("the files of a running server", || {
            let created = self.created();
            expected.iter().all(|name| created.iter().any(|(file, _)| file == name)).then_some(())
        });
        self.assert_private(arguments[0], expected);
        running.ask_to_stop();
        running.wait();
        self.assert_private(arguments[0], &[]);
    }
}

#[test]
fn files_of_every_command_have_mode_600() {
    let place = Place::new();
    for (arguments, expected) in [
        (&["migrate", "up"][..], &["data.sqlite"][..]),
        (&["migrate", "status"], &[]),
        (&["seed", "data.json"], &[]),
        (&["keys", "rotate"], &[]),
        (&["backup", "copy.sqlite"], &["copy.sqlite"]),
        (&["export", "--output", "roles.ndjson", "--with-people"], &["roles.ndjson"]),
        (
            &["import", "roles.ndjson", "--as-exported", "--with-people", "--report", "report.ndjson"],
            &["report.ndjson"],
        ),
        (&["audit", "verify"], &[]),
        (&["subscriptions"], &[]),
        (&["jobs", "run", "expire-roles"], &[]),
        (&["config", "show"], &[]),
    ] {
        place.run(arguments);
        place.assert_private(arguments[0], expected);
    }
    place.serve(
        &["serve"],
        &["data.sqlite", "data.sqlite-wal", "data.sqlite-shm", "data.sqlite-writers", "onbehalf.key"],
    );
    place.run(&["migrate", "down", "--yes"]);
    place.assert_private("migrate down", &["data.sqlite"]);
}

#[test]
fn files_of_the_sandbox_have_mode_600() {
    let place = Place::new();
    place.serve(&["sandbox"], &["data.sqlite", "data.sqlite-wal", "data.sqlite-shm", "data.sqlite-writers"]);
}

/// A database of an earlier version keeps its mode: `serve` warns, `doctor` says what to do.
#[test]
fn a_database_with_a_wider_mode_is_reported() {
    let place = Place::new();
    place.run(&["migrate", "up"]);
    // SQLite gives the mode of the database to the files beside it; those that are there keep theirs.
    let wide = |mode| {
        for name in ["data.sqlite", "data.sqlite-wal", "data.sqlite-shm", "data.sqlite-writers"] {
            let path = place.folder.path(name);
            if path.exists() {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
            }
        }
    };
    wide(0o644);
    let doctor = || place.folder.run(&["doctor", "--config", &place.config]).printed();
    let found = doctor();
    assert!(found.contains("data.sqlite (mode 644)") && found.contains("chmod go= data.sqlite"), "{found}");
    let mut running = place.folder.start_after(WIDE, &["serve", "--config", &place.config]);
    running.address();
    let log = running.stderr();
    assert!(log.contains("users other than its owner can access a file of the database"), "{log}");
    running.ask_to_stop();
    running.wait();
    wide(0o600);
    let found = doctor();
    assert!(found.contains("only their owner can access its files"), "{found}");
}
