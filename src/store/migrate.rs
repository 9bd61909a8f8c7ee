//! Schema migrations, up and down.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use diesel::dsl::sql;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use r2d2::ManageConnection as _;

use crate::audit::{add_months, guard, unguard};
use crate::database::store::Store;
use crate::db::{Db, Manager, Pooled};
use crate::outbox;
use crate::person::bring_deaths;
use crate::private::open_lock_file;
use crate::schema::settings;
use crate::search::normalize::renormalize;
use crate::tx::Tx;
use base::error::{Error, ErrorKind};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// The name of the setting that marks a sandbox database, which may be emptied.
pub const SANDBOX_MARK: &str = "sandbox";

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its version, in order.
    pub version: String,
    /// What it is about; `None` where this program does not know it.
    pub name: Option<String>,
    /// Whether the database has it.
    pub is_applied: bool,
    /// Whether this program knows it; an unknown one comes from a newer program.
    pub is_known: bool,
}

/// A sandbox's exclusive claim to its database, for as long as this value lives: another sandbox would empty
/// it.
#[must_use]
pub struct SoleUse {
    /// A locked file beside an SQLite file, or a connection to PostgreSQL with an advisory lock of the database.
    _held: Held,
}

#[expect(dead_code, reason = "what holds a lock is kept, and never looked at")]
enum Held {
    File(File),
    Session(Box<Db>),
}

/// The advisory lock of a sandbox. Advisory locks of PostgreSQL apply to one database.
const SOLE_USE: i64 = 0x0073_616e_6462_6f78;

/// Locks the file beside an SQLite file, unless another process has.
fn lock_file(database: &Path) -> Result<Option<Held>, Error> {
    let file = open_lock_file(database, ".lock").map_err(Error::fault)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held::File(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::fault(error)),
    }
}

impl Store {
    /// Claims the database for one sandbox; `None` where another process has it. The claim ends with the
    /// process, however that ends.
    ///
    /// # Errors
    ///
    /// Database errors; where the lock file cannot be opened.
    pub fn claim_sole_use(&self) -> Result<Option<SoleUse>, Error> {
        let held = self.url().file().map_or_else(|| self.lock_session(), lock_file)?;
        Ok(held.map(|held| SoleUse { _held: held }))
    }

    fn lock_session(&self) -> Result<Option<Held>, Error> {
        let mut session = self.own_connection()?.db;
        let lock = format!("pg_try_advisory_lock({SOLE_USE})");
        let is_free = match &mut session {
            Db::Postgres(connection) => diesel::select(sql::<Bool>(&lock)).get_result(connection)?,
            Db::Sqlite(_) => false,
        };
        Ok(is_free.then(|| Held::Session(Box::new(session))))
    }

    /// Applies every missing migration and returns their versions.
    ///
    /// # Errors
    ///
    /// Where the database is from a newer version, or a migration fails.
    pub fn migrate_up(&self) -> Result<Vec<String>, Error> {
        self.check_not_newer()?;
        self.with_own_connection(|db| {
            let applied = db.run_pending_migrations(MIGRATIONS).map_err(Error::fault)?;
            let applied = applied.iter().map(ToString::to_string).collect();
            // Triggers, partitions and sequences differ between the databases, so they are not in the
            // portable migrations.
            guard(db)?;
            add_months(db)?;
            outbox::prepare(db)?;
            bring_deaths(db)?;
            renormalize(db)?;
            Ok(applied)
        })
    }

    /// Adds the partitions of the audit record for the months to come (PostgreSQL). Nothing on SQLite.
    ///
    /// # Errors
    ///
    /// Database errors; where the table is locked for longer than ten seconds.
    pub fn add_audit_months(&self) -> Result<(), Error> {
        self.with_own_connection(add_months)
    }

    /// Reverts the last `steps` migrations, which deletes the data in their tables, and returns their
    /// versions.
    ///
    /// # Errors
    ///
    /// Where the database is from a newer version, or a migration fails.
    pub fn migrate_down(&self, steps: usize) -> Result<Vec<String>, Error> {
        self.check_not_newer()?;
        self.with_own_connection(|db| {
            let count = db.applied_migrations().map_err(Error::fault)?.len().min(steps);
            let revert = |_| Ok(db.revert_last_migration(MIGRATIONS).map_err(Error::fault)?.to_string());
            let reverted = (0..count).map(revert).collect::<Result<Vec<_>, Error>>()?;
            if !tables(db)?.iter().any(|table| table == "audit_records") {
                unguard(db)?;
                outbox::clear(db)?;
            }
            if let Some(journal) = &self.access_journal
                && !tables(db)?.iter().any(|table| table == "access_segments")
            {
                journal.remove()?;
            }
            Ok(reverted)
        })
    }

    /// Every migration that the database or this program knows, in order.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn migrations(&self) -> Result<Vec<Migration>, Error> {
        if self.has_pooler {
            // Behind a pooler, statements that belong together need one transaction. (Diesel creates its
            // table if needed.)
            return self.write_here(|tx| migrations(tx.db));
        }
        self.with_connection(migrations)
    }

    /// Whether the schema is exactly the one of this program.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn is_current(&self) -> Result<bool, Error> {
        Ok(self.migrations()?.iter().all(|step| step.is_applied && step.is_known))
    }

    /// As [`Store::is_current`], on a thread that may block.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub async fn check_current(&self) -> Result<bool, Error> {
        let store = self.clone();
        self.threads.run(move || store.is_current()).await
    }

    /// # Errors
    ///
    /// One sentence for the operator where a newer program has migrated this database.
    pub fn check_not_newer(&self) -> Result<(), Error> {
        if self.migrations()?.iter().all(|step| step.is_known) {
            return Ok(());
        }
        let message = format!("the database {} was migrated by a newer version of onbehalf", self.url());
        Err(Error::new(ErrorKind::Fault, message))
    }

    /// Whether the database has no table at all, of any program.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.with_connection(|db| Ok(tables(db)?.is_empty()))
    }

    fn with_connection<T>(&self, work: impl FnOnce(&mut Db) -> Result<T, Error>) -> Result<T, Error> {
        let mut pooled = self.writer.pool.get().map_err(Error::busy)?;
        work(&mut pooled.db)
    }

    /// As [`Store::with_connection`], on a connection of its own without a time limit: a migration can
    /// rewrite a table.
    fn with_own_connection<T>(&self, work: impl FnOnce(&mut Db) -> Result<T, Error>) -> Result<T, Error> {
        work(&mut self.own_connection()?.db)
    }

    fn own_connection(&self) -> Result<Pooled, Error> {
        let manager = Manager::new(self.url.clone(), self.has_pooler, None, Arc::clone(&self.statements))?;
        manager.connect().map_err(Error::busy)
    }
}

#[derive(diesel::QueryableByName)]
struct TableRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

/// The names of all tables but the system's.
fn tables(db: &mut Db) -> Result<Vec<String>, Error> {
    let rows: Vec<TableRow> = match db {
        Db::Postgres(connection) => diesel::sql_query(
            "SELECT c.relname::TEXT AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE \
             c.relkind IN ('r', 'p') AND NOT c.relispartition \
             AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')",
        )
        .load(connection)?,
        Db::Sqlite(connection) => diesel::sql_query(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        )
        .load(connection)?,
    };
    Ok(rows.into_iter().map(|row| row.name).collect())
}

fn migrations(db: &mut Db) -> Result<Vec<Migration>, Error> {
    // Diesel creates its table when it is asked; a database that is only inspected is left unchanged.
    let applied: Vec<String> = if tables(db)?.iter().any(|table| table == "__diesel_schema_migrations") {
        db.applied_migrations().map_err(Error::fault)?.iter().map(ToString::to_string).collect()
    } else {
        Vec::new()
    };
    // The migrations are the same for both databases, so either may name them.
    let known: Vec<Box<dyn diesel::migration::Migration<diesel::sqlite::Sqlite>>> =
        MIGRATIONS.migrations().map_err(Error::fault)?;
    // A folder is named VERSION_NAME.
    let name = |name: String| name.split_once('_').map_or_else(|| name.clone(), |(_, name)| name.to_owned());
    let known: BTreeMap<String, String> =
        known.iter().map(|step| (step.name().version().to_string(), name(step.name().to_string()))).collect();
    let mut all: Vec<&String> = known.keys().chain(&applied).collect();
    all.sort();
    all.dedup();
    let describe = |version: &String| Migration {
        version: version.clone(),
        name: known.get(version).cloned(),
        is_applied: applied.contains(version),
        is_known: known.contains_key(version),
    };
    Ok(all.into_iter().map(describe).collect())
}

impl Tx<'_> {
    /// Reads a setting of the database.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_setting(&mut self, name: &str) -> Result<Option<String>, Error> {
        let found = settings::table.filter(settings::name.eq(name)).select(settings::value);
        Ok(found.first(self.db).optional()?)
    }

    /// Inserts a setting of the database.
    ///
    /// # Errors
    ///
    /// Database errors; where the setting exists.
    pub fn insert_setting(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let row = (settings::name.eq(name), settings::value.eq(value));
        diesel::insert_into(settings::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Stores a setting of the database, replacing the previous value; none removes it.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn save_setting(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        diesel::delete(settings::table.filter(settings::name.eq(name))).execute(self.db)?;
        match value {
            Some(value) => self.insert_setting(name, value),
            None => Ok(()),
        }
    }
}
