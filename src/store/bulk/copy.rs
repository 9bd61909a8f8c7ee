//! Copies of the whole database, made while it is in use.
//!
//! SQLite only. `VACUUM INTO` reads one snapshot in one statement, so the copy is the database of one
//! instant, and in WAL mode it blocks no other connection. The backup interface of the C library would copy
//! the free pages too, starts again whenever another process has written, and is not available from Diesel.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::audit::Break;
use crate::database::store::Store;
use crate::db::{Db, Pooled};
use crate::schema::{access_segments, roles};
use crate::tx::Tx;
use base::error::{Error, ErrorKind};

/// The result of checking a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Damage that SQLite reports; empty where every page and index is sound.
    pub damage: Vec<String>,
    /// Breaks of the audit record's chains.
    pub breaks: Vec<Break>,
    /// The number of roles in it.
    pub roles: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Store {
    /// Writes the database of this instant to a file that is empty or does not exist, with every access that was
    /// answered until now: the copy needs no access journal, and has none. The file need not have reached the
    /// disk when this returns.
    ///
    /// # Errors
    ///
    /// Where the database is not SQLite, or the file cannot be written.
    pub fn copy_to(&self, file: &Path) -> Result<(), Error> {
        let path = text(file)?;
        self.catch_up_here()?;
        let mut pooled = self.readers.get().map_err(Error::busy)?;
        let Db::Sqlite(connection) = &mut pooled.db else {
            return Err(Error::new(ErrorKind::Invalid, "only an SQLite database is copied by this program"));
        };
        diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(path).execute(connection)?;
        let mut copy = SqliteConnection::establish(path).map_err(Error::fault)?;
        diesel::delete(access_segments::table).execute(&mut copy)?;
        Ok(())
    }
}

/// Checks that a copy is complete: SQLite's own check of pages and indexes, and the chains of the audit
/// record.
///
/// # Errors
///
/// Where the file is not a database.
pub fn check_copy(file: &Path) -> Result<Copied, Error> {
    let connection = SqliteConnection::establish(text(file)?);
    let mut pooled = Pooled::alone(Db::Sqlite(connection.map_err(Error::fault)?));
    let db = &mut pooled.db;
    db.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; BEGIN;")?;
    let damage: Vec<Line> = diesel::sql_query(
        "SELECT integrity_check AS line FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    )
    .load(db)?;
    let roles = roles::table.count().get_result(db)?;
    let breaks = Tx::new(&mut pooled).verify_audit(&[])?;
    Ok(Copied { damage: damage.into_iter().map(|line| line.line).collect(), breaks, roles })
}

/// The path in the form that SQLite takes.
fn text(file: &Path) -> Result<&str, Error> {
    file.to_str().ok_or_else(|| Error::new(ErrorKind::Invalid, "the path is not text"))
}
