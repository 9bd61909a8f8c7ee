//! `onbehalf seed FILE`: fill a database.

use std::path::Path;

use crate::seed_file::SeedFile;
use crate::verb::database::open_store;
use crate::verb::failure::{CommandFailure, say};
use base::clock::SystemClock;
use base::error::Error;
use config::Sources;
use service::proxy as command;
use service::proxy::Seeded;

pub(super) fn seed(sources: &Sources, file: &Path) -> Result<(), CommandFailure> {
    let config = sources.load()?;
    let text = std::fs::read_to_string(file)
        .map_err(|error| CommandFailure::Other(format!("cannot read {}: {error}", file.display())))?;
    let seed = SeedFile::parse(&text)
        .and_then(|seed| seed.read(config.contract.nhs_number_check))
        .map_err(|fault| CommandFailure::Other(format!("{}: {fault}", file.display())))?;
    let store = open_store(&config)?;
    if !store.is_current()? {
        return Err(CommandFailure::Other(
            "the database is not migrated: run `onbehalf migrate up` first".to_owned(),
        ));
    }
    let seeded = store.write_here::<_, Error, _>(|tx| command::seed(tx, &SystemClock, seed))?;
    say(&describe(seeded));
    Ok(())
}

pub(super) fn describe(seeded: Seeded) -> String {
    let Seeded { people, relationships, roles, access_requests } = seeded;
    let people = counted(people, "person", "people");
    let relationships = counted(relationships, "relationship", "relationships");
    let roles = counted(roles, "role", "roles");
    let requests = counted(access_requests, "access request", "access requests");
    format!("new: {people}, {relationships}, {roles}, {requests}")
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
