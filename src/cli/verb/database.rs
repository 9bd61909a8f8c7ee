//! Opens the database of the settings for a command.

use ::config::Config;
use store::{Store, StoreOptions};

use super::failure::CommandFailure;

/// As [`open_store`], for a command that needs the schema of this version.
pub(crate) fn open_migrated_store(config: &Config) -> Result<Store, CommandFailure> {
    migrated(open_store(config)?)
}

pub(crate) fn migrated(store: Store) -> Result<Store, CommandFailure> {
    if !store.is_current()? {
        let message = "the database is not migrated: run `onbehalf migrate up` with the same settings first";
        return Err(CommandFailure::Other(message.to_owned()));
    }
    // What a server that was killed has left in its access journal is older than what is recorded from here on.
    store.catch_up_here()?;
    Ok(store)
}

/// Opens the database of the settings, unless a newer version has migrated it, for long commands: import,
/// export, migration, backup, verification, jobs. Its statements have no deadline.
pub(crate) fn open_store(config: &Config) -> Result<Store, CommandFailure> {
    open(&StoreOptions { statement_deadline: None, ..config.database.options() })
}

/// As [`open_store`], for a server: every statement has a deadline.
pub(crate) fn open_serving_store(config: &Config) -> Result<Store, CommandFailure> {
    open(&config.database.options())
}

fn open(options: &StoreOptions) -> Result<Store, CommandFailure> {
    let store = Store::open(options)?;
    store.check_not_newer()?;
    Ok(store)
}
