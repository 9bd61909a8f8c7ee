//! `onbehalf backup FILE`: a copy of an SQLite database, made while the service runs, and checked.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::verb::database::open_migrated_store;
use crate::verb::failure::{CommandFailure, complain, say};
use config::Sources;
use store::{Copied, Store, check_copy};

/// Why PostgreSQL is not copied here: its own tools do that better, and are the ones that restore it.
const POSTGRES: &str = "a PostgreSQL database is backed up with its own tools: `pg_dump --format=custom` for a copy \
    that any server restores, or `pg_basebackup` with archived WAL for a restore to any instant; docs/operator.md has \
    the commands";

pub(super) fn backup(sources: &Sources, file: &Path, force: bool) -> Result<(), CommandFailure> {
    let config = sources.load()?;
    let Some(database) = config.database.url.file() else {
        return Err(CommandFailure::Other(POSTGRES.to_owned()));
    };
    check_place(file, database, force)?;
    let store = open_migrated_store(&config)?;
    let part = part_of(file);
    let made = copy(&store, &part).and_then(|copied| {
        put_in_place(&part, file).map_err(|error| cannot(file, &error))?;
        Ok(copied)
    });
    let copied = made.inspect_err(|_failed| drop(fs::remove_file(&part)))?;
    let bytes = fs::metadata(file).map_err(|error| cannot(file, &error))?.len();
    say(&format!(
        "{}: {bytes} bytes, {} roles; the copy and its audit chains are intact",
        file.display(),
        copied.roles
    ));
    Ok(())
}

/// Refuses to write over what is there, unless it is to be replaced, and over a database that is in use.
fn check_place(file: &Path, database: &Path, force: bool) -> Result<(), CommandFailure> {
    let refusal = |refusal: &str| Err(CommandFailure::Other(format!("{} {refusal}", file.display())));
    if !file.exists() {
        return Ok(());
    }
    if fs::canonicalize(file).ok() == fs::canonicalize(database).ok() {
        return refusal("is the database itself: name another file");
    }
    // What stands in its journal would be read into whatever has its name.
    let mut journal = file.as_os_str().to_owned();
    journal.push("-wal");
    if Path::new(&journal).exists() {
        return refusal("is a database that is in use, or was not closed: name another file");
    }
    if force { Ok(()) } else { refusal("the file exists: name another file, or add --force") }
}

/// What is written before it takes the place of the file.
pub(super) fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Creates an empty file with mode 0600.
pub(super) fn make_private(file: &Path) -> io::Result<File> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

/// Brings what was written to the disk, and then to its place.
pub(super) fn put_in_place(part: &Path, file: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn copy(store: &Store, part: &Path) -> Result<Copied, CommandFailure> {
    make_private(part).map_err(|error| cannot(part, &error))?;
    store.copy_to(part)?;
    let copied = check_copy(part)?;
    for line in &copied.damage {
        complain(line);
    }
    for broken in &copied.breaks {
        complain(&format!("chain {}, sequence {}: {}", broken.chain, broken.sequence, broken.fault));
    }
    match (copied.damage.as_slice(), copied.breaks.as_slice()) {
        ([], []) => Ok(copied),
        ([], _) => {
            Err(CommandFailure::Other("the audit record does not hold, so this is no backup".to_owned()))
        }
        _ => Err(CommandFailure::Other("the database is damaged, so this is no backup".to_owned())),
    }
}

fn cannot(file: &Path, error: &io::Error) -> CommandFailure {
    CommandFailure::Other(format!("cannot write {}: {error}", file.display()))
}
