//! File permissions of an SQLite database, readable by its owner only: it holds names, NHS numbers and the
//! audit record.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The suffix of the folder of the access journal, after the name of its database.
pub(crate) const ACCESSES: &str = "-accesses";
/// The suffix of the file on which processes queue to write.
pub(crate) const WRITERS: &str = "-writers";

/// A database file that other users than its owner may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposedFile {
    /// The file.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}

/// Creates the file of a new database with mode 0600, empty: SQLite takes an empty file for a new database,
/// and gives the mode of the database to its -wal, -shm and -journal. An existing file is unchanged. Where no
/// file can be created, the error of opening it says so.
pub(crate) fn create_private(path: &Path) {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    if let Err(error) = created.map(drop)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        tracing::debug!(%error, "the database file was not created");
    }
}

/// Opens the file beside another whose lock processes of this program share, and makes it where it is not there.
pub(crate) fn open_lock_file(file: &Path, suffix: &str) -> io::Result<File> {
    let path = beside(file, suffix);
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The path of a file that belongs to another: in the same folder, with its name and this suffix.
pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The files of an SQLite database, and the folder of its access journal, that other users than its owner may
/// use: created by an earlier version, or with a mode that was changed.
pub fn list_exposed_files(database: &Path) -> Vec<ExposedFile> {
    let exposed = |path: PathBuf| {
        let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then_some(ExposedFile { path, mode })
    };
    let suffixes = ["", "-wal", "-shm", "-journal", ACCESSES, WRITERS];
    suffixes.into_iter().map(|suffix| beside(database, suffix)).filter_map(exposed).collect()
}
