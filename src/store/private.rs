//! The files of an SQLite database are read by their owner alone: they hold names, NHS numbers and the audit record.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A file of the database that others than its owner may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposedFile {
    /// The file.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}

/// Creates the file of a new database with mode 0600, empty: SQLite takes an empty file for a new database, and gives the
/// mode of the database to its -wal, -shm and -journal. What is there stays as it is. Where no file can be created, the
/// error of opening it says so.
pub(crate) fn create_private(path: &Path) {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    if let Err(error) = created.map(drop)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        tracing::debug!(%error, "the database file was not created");
    }
}

/// The files of an SQLite database, and the folder of its access journal, that others than their owner may use: created by an earlier version, or with a mode
/// that was changed.
pub fn list_exposed_files(database: &Path) -> Vec<ExposedFile> {
    let with = |suffix: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let exposed = |path: PathBuf| {
        let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then_some(ExposedFile { path, mode })
    };
    ["", "-wal", "-shm", "-journal", "-accesses"].into_iter().map(with).filter_map(exposed).collect()
}
