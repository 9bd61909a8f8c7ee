//! The database: reachable, writable, of this version, durable, with room, and with the same time.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::doctor::report::Report;
use base::clock::Clock;
use base::error::Error;
use config::Config;
use store::{DatabaseUrl, ExposedFile, SegmentBreak, Store, Tx, Vitals, list_exposed_files};

/// Below this much free space a database is soon full, and below that it is as good as full. In bytes.
const LITTLE_ROOM: u64 = 1 << 30;
const NO_ROOM: u64 = 64 << 20;
/// How far two clocks may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(2);
const FAR: TimeDelta = TimeDelta::seconds(30);

pub(super) fn examine(config: &Config, clock: &dyn Clock, report: &mut Report) {
    if let DatabaseUrl::Sqlite(path) = &config.database.url {
        room(path, report);
        if !path.exists() {
            // To open it would make it.
            let found = format!("{} is not there", path.display());
            return report.wrong("database", found, "run `onbehalf migrate up`, or mend database.url");
        }
    }
    if let Some(path) = config.database.url.file() {
        modes(path, report);
    }
    let store = match Store::open(&config.database.options()) {
        Ok(store) => store,
        Err(error) => {
            let mend = "start the database, and see that database.url names it and a user who may use it";
            return report.wrong("database", told(&error), mend);
        }
    };
    match store.vitals() {
        Ok(vitals) => {
            report.ok("database", format!("it answers and can be written to: {}", vitals.version));
            settings(config, &vitals, report);
            if !config.database.url.is_sqlite() {
                compare("the database's clock", vitals.now, clock.now(), report);
            }
        }
        Err(error) => report.wrong(
            "database",
            format!("it cannot be written to: {}", told(&error)),
            "give its user the right to write, and the disk room",
        ),
    }
    if migrations(&store, report) {
        audit(&store, report);
    }
}

/// An error for the operator. The causes that drivers give name no password.
fn told(error: &Error) -> String {
    let cause = error.cause();
    if cause.is_empty() { error.told().to_owned() } else { format!("{}: {cause}", error.told()) }
}

fn settings(config: &Config, vitals: &Vitals, report: &mut Report) {
    if vitals.is_durable {
        report.ok("database", "what is answered for is on disk");
    } else {
        report.wrong(
            "database",
            format!("the server may forget what it has answered for: {}", vitals.durability),
            "set fsync = on and full_page_writes = on in postgresql.conf",
        );
    }
    if let Some((open, most)) = vitals.connections {
        let ours = i64::from(config.database.connections);
        let counted = format!("{open} of {most} connections are open; each process takes up to {ours}");
        if ours + open > most {
            let mend = "lower database.connections or raise max_connections: every process counts";
            report.warning("database", counted, mend);
        } else {
            report.ok("database", counted);
        }
    }
}

/// Whether the schema is this program's.
fn migrations(store: &Store, report: &mut Report) -> bool {
    match store.migrations() {
        Ok(steps) if steps.iter().any(|step| !step.is_known) => {
            let mend = "run the newer version of onbehalf that has migrated it";
            report.wrong("migrations", "a newer version has migrated the database", mend);
            false
        }
        Ok(steps) => {
            let pending = steps.iter().filter(|step| !step.is_applied).count();
            if pending > 0 {
                report.wrong("migrations", format!("{pending} are pending"), "run `onbehalf migrate up`");
            } else {
                report.ok("migrations", "all are applied");
            }
            pending == 0
        }
        Err(error) => {
            report.wrong("migrations", told(&error), "see what the database says");
            false
        }
    }
}

/// Whether each chain of the audit ends where its head says, and the guard is there. The whole walk is `onbehalf audit
/// verify`.
fn audit(store: &Store, report: &mut Report) {
    match store.read_here::<_, Error, _>(|tx| Ok((tx.is_audit_guarded()?, tx.is_audit_wiped()?))) {
        Ok((is_guarded, is_wiped)) => {
            if !is_guarded {
                let found = "the triggers that refuse to change a record are not there, or switched off";
                report.wrong(
                    "audit",
                    found,
                    "run `onbehalf migrate up`, which sets them, and `audit verify`",
                );
            }
            if is_wiped {
                let found = "there are roles, and no record at all of how they came to be";
                report.warning("audit", found, "see whether records were removed: `audit verify --expect`");
            }
        }
        Err(error) => report.wrong("audit", told(&error), "see what the database says"),
    }
    journal(store, report);
    match store.read_here::<_, Error, _>(loose_heads) {
        Ok(loose) if loose.is_empty() => {
            report.ok("audit", "every chain ends where its head says");
        }
        Ok(loose) => {
            let chains: Vec<String> = loose.iter().map(ToString::to_string).collect();
            report.wrong(
                "audit",
                format!("the last record of chain {} is not the one that its head names", chains.join(", ")),
                "somebody has changed the record: run `onbehalf audit verify`, and keep the database as it is",
            );
        }
        Err(error) => report.wrong("audit", told(&error), "see what the database says"),
    }
}

/// Whether the access journal of an SQLite database is what was written.
fn journal(store: &Store, report: &mut Report) {
    match store.verify_access_journal() {
        Ok(breaks) if breaks.is_empty() => report.ok("audit", "every segment of the access journal holds"),
        Ok(breaks) => {
            for SegmentBreak { segment, fault, .. } in breaks {
                let found = format!("segment {segment} of the access journal is {fault}");
                report.wrong("audit", found, "keep the files as they are, and run `onbehalf audit verify`");
            }
        }
        Err(error) => {
            report.wrong("audit", told(&error), "see that the folder of the access journal can be read")
        }
    }
}

fn loose_heads(tx: &mut Tx<'_>) -> Result<Vec<i64>, Error> {
    tx.list_loose_heads()
}

/// Whether only their owner may use the files of an SQLite database.
fn modes(database: &Path, report: &mut Report) {
    let exposed = list_exposed_files(database);
    if exposed.is_empty() {
        report.ok("database", "only their owner may use its files");
    }
    for ExposedFile { path, mode } in exposed {
        let name = path.display();
        let found = format!("others than its owner may use {name} (mode {mode:o})");
        report.wrong("database", found, format!("chmod go= {name}"));
    }
}

/// Whether the disk has room for an SQLite file to grow.
fn room(file: &Path, report: &mut Report) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let free = match rustix::fs::statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            let found = format!("{}: {error}", folder.display());
            return report.wrong("disk", found, "make the folder, or mend database.url");
        }
    };
    let found = format!("{} MB are free below {}", free >> 20, folder.display());
    match free {
        ..NO_ROOM => {
            report.wrong("disk", found, "make room: writes are refused with 503 when the disk is full");
        }
        NO_ROOM..LITTLE_ROOM => report.warning("disk", found, "make room before it is full"),
        _ => report.ok("disk", found),
    }
}

/// Compares another clock with ours.
pub(super) fn compare(whose: &str, theirs: DateTime<Utc>, ours: DateTime<Utc>, report: &mut Report) {
    let apart = (theirs - ours).abs();
    let found = format!("{whose} and ours are {} seconds apart", apart.num_seconds());
    let mend = "let both machines take the time from the same source (NTP)";
    if apart > FAR {
        report.wrong("clock", found, format!("{mend}: tokens would be refused, and ends of roles be missed"));
    } else if apart > SKEW {
        report.warning("clock", found, mend);
    } else {
        report.ok("clock", format!("{whose} shows our time"));
    }
}
