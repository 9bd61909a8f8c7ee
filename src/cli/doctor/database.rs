//! Checks of the database: reachable, writable, current schema, durable, free disk space, and clock.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::doctor::report::DoctorReport;
use base::clock::Clock;
use base::error::Error;
use config::Config;
use store::{
    DatabaseDiagnostics, DatabaseUrl, ExposedFile, MissingMonths, SegmentBreak, Store, Tx, list_exposed_files,
};

/// Below this much free space, in bytes, the check warns; below `NO_ROOM` it fails.
const LITTLE_ROOM: u64 = 1 << 30;
const NO_ROOM: u64 = 64 << 20;
/// The accepted difference between two clocks.
const SKEW: TimeDelta = TimeDelta::seconds(2);
const FAR: TimeDelta = TimeDelta::seconds(30);

pub(super) fn examine(config: &Config, clock: &dyn Clock, report: &mut DoctorReport) {
    if let DatabaseUrl::Sqlite(path) = &config.database.url {
        room(path, report);
        if !path.exists() {
            // Opening it would create it.
            let found = format!("{} does not exist", path.display());
            return report.wrong("database", found, "run `onbehalf migrate up`, or correct database.url");
        }
    }
    if let Some(path) = config.database.url.file() {
        modes(path, report);
    }
    let store = match Store::open(&config.database.options()) {
        Ok(store) => store,
        Err(error) => {
            let mend = "start the database, and check that database.url names it and a user with access";
            return report.wrong("database", message(&error), mend);
        }
    };
    match store.diagnostics() {
        Ok(diagnostics) => {
            report.ok("database", format!("reachable and writable: {}", diagnostics.version));
            settings(config, &diagnostics, report);
            if !config.database.url.is_sqlite() {
                compare("the database's clock", diagnostics.now, clock.now(), report);
            }
        }
        Err(error) => report.wrong(
            "database",
            format!("not writable: {}", message(&error)),
            "grant its user write access, and check the disk space",
        ),
    }
    if migrations(&store, report) {
        audit(&store, report);
    }
}

/// An error for the operator. The drivers' causes contain no password.
fn message(error: &Error) -> String {
    let cause = error.cause();
    if cause.is_empty() { error.message().to_owned() } else { format!("{}: {cause}", error.message()) }
}

fn settings(config: &Config, diagnostics: &DatabaseDiagnostics, report: &mut DoctorReport) {
    if diagnostics.is_durable {
        report.ok("database", "commits are flushed to disk");
    } else {
        report.wrong(
            "database",
            format!("commits can be lost in a crash: {}", diagnostics.durability),
            "set fsync = on and full_page_writes = on in postgresql.conf",
        );
    }
    if let Some((open, most)) = diagnostics.connections {
        let ours = i64::from(config.database.connections);
        let counted = format!("{open} of {most} connections are open; each process opens up to {ours}");
        if ours + open > most {
            let mend = "lower database.connections or raise max_connections; add up all processes";
            report.warning("database", counted, mend);
        } else {
            report.ok("database", counted);
        }
    }
}

/// Whether the schema is that of this program.
fn migrations(store: &Store, report: &mut DoctorReport) -> bool {
    match store.migrations() {
        Ok(steps) if steps.iter().any(|step| !step.is_known) => {
            let mend = "run the newer version of onbehalf that has migrated it";
            report.wrong("migrations", "a newer version has migrated the database", mend);
            false
        }
        Ok(steps) => {
            let pending = steps.iter().filter(|step| !step.is_applied).count();
            if pending > 0 {
                report.wrong(
                    "migrations",
                    format!("pending migrations: {pending}"),
                    "run `onbehalf migrate up`",
                );
            } else {
                report.ok("migrations", "all are applied");
            }
            pending == 0
        }
        Err(error) => {
            report.wrong("migrations", message(&error), "check the database's log");
            false
        }
    }
}

/// Whether each chain of the audit record ends where its head says, and the triggers exist. `onbehalf audit
/// verify` checks the whole chains.
fn audit(store: &Store, report: &mut DoctorReport) {
    match store.read_here::<_, Error, _>(|tx| Ok((tx.is_audit_guarded()?, tx.is_audit_wiped()?))) {
        Ok((is_guarded, is_wiped)) => {
            if !is_guarded {
                let found = "the triggers that protect audit records are missing or disabled";
                report.wrong(
                    "audit",
                    found,
                    "run `onbehalf migrate up`, which creates them, then `onbehalf audit verify`",
                );
            }
            if is_wiped {
                let found = "there are roles, but no audit records of their creation";
                report.warning(
                    "audit",
                    found,
                    "check whether records were removed: `onbehalf audit verify --expect`",
                );
            }
        }
        Err(error) => report.wrong("audit", message(&error), "check the database's log"),
    }
    months(store, report);
    journal(store, report);
    match store.read_here::<_, Error, _>(loose_heads) {
        Ok(loose) if loose.is_empty() => {
            report.ok("audit", "every chain ends where its head says");
        }
        Ok(loose) => {
            let chains: Vec<String> = loose.iter().map(ToString::to_string).collect();
            report.wrong(
                "audit",
                format!("the last record of chain {} is not the one in its head", chains.join(", ")),
                "the audit record was changed: run `onbehalf audit verify`, and preserve the database as evidence",
            );
        }
        Err(error) => report.wrong("audit", message(&error), "check the database's log"),
    }
}

/// Whether the audit record is divided into months (PostgreSQL).
fn months(store: &Store, report: &mut DoctorReport) {
    match store.read_here::<_, Error, _>(missing_months) {
        Ok(None) => {}
        Ok(Some(MissingMonths { is_whole: false, has_others: false })) => {
            report.ok("audit", "the audit record is partitioned by month, and every record is in its month");
        }
        Ok(Some(MissingMonths { is_whole: true, .. })) => {
            let found = "the audit record is not partitioned by month";
            report.warning(
                "audit",
                found,
                "run `onbehalf migrate up`; where a record has an id of another form, it stays whole",
            );
        }
        Ok(Some(MissingMonths { has_others: true, .. })) => {
            let found = "there are audit records of a month that has no partition";
            report.warning("audit", found, "check the servers' clocks, and that the job `statistics` runs");
        }
        Err(error) => report.wrong("audit", message(&error), "check the database's log"),
    }
}

/// Whether every segment of an SQLite database's access journal is intact.
fn journal(store: &Store, report: &mut DoctorReport) {
    match store.verify_access_journal() {
        Ok(None) => {}
        Ok(Some(breaks)) if breaks.is_empty() => {
            report.ok("audit", "every segment of the access journal is as it was written");
        }
        Ok(Some(breaks)) => {
            for SegmentBreak { segment, fault, .. } in breaks {
                let found = format!("segment {segment} of the access journal is {fault}");
                report.wrong("audit", found, "keep the files as they are, and run `onbehalf audit verify`");
            }
        }
        Err(error) => {
            report.wrong("audit", message(&error), "check that the folder of the access journal can be read");
        }
    }
}

fn missing_months(tx: &mut Tx<'_>) -> Result<Option<MissingMonths>, Error> {
    tx.find_missing_months()
}

fn loose_heads(tx: &mut Tx<'_>) -> Result<Vec<i64>, Error> {
    tx.list_loose_heads()
}

/// Whether only their owner can access the files of an SQLite database.
fn modes(database: &Path, report: &mut DoctorReport) {
    let exposed = list_exposed_files(database);
    if exposed.is_empty() {
        report.ok("database", "only their owner can access its files");
    }
    for ExposedFile { path, mode } in exposed {
        let name = path.display();
        let found = format!("users other than its owner can access {name} (mode {mode:o})");
        report.wrong("database", found, format!("chmod go= {name}"));
    }
}

/// Whether an SQLite file has room to grow.
fn room(file: &Path, report: &mut DoctorReport) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let free = match rustix::fs::statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            let found = format!("{}: {error}", folder.display());
            return report.wrong("disk", found, "create the folder, or correct database.url");
        }
    };
    let found = format!("{} MB are free in {}", free >> 20, folder.display());
    match free {
        ..NO_ROOM => {
            report.wrong("disk", found, "free disk space: writes fail with 503 when the disk is full");
        }
        NO_ROOM..LITTLE_ROOM => report.warning("disk", found, "free disk space before it is full"),
        _ => report.ok("disk", found),
    }
}

/// Compares another clock with that of this machine.
pub(super) fn compare(whose: &str, theirs: DateTime<Utc>, ours: DateTime<Utc>, report: &mut DoctorReport) {
    let apart = (theirs - ours).abs();
    let found = format!("{whose} and the clock of this machine differ by {} seconds", apart.num_seconds());
    let mend = "synchronize both machines with the same time source (NTP)";
    if apart > FAR {
        report.wrong(
            "clock",
            found,
            format!("{mend}: otherwise tokens are refused, and roles end at the wrong time"),
        );
    } else if apart > SKEW {
        report.warning("clock", found, mend);
    } else {
        report.ok("clock", format!("{whose} agrees with the clock of this machine"));
    }
}
