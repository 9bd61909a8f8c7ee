//! Checks of the keys, and of the other files with secrets: present, readable by their owner only, valid, and not too old.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::doctor::report::DoctorReport;
use base::clock::Clock;
use base::secret::Vault;
use config::Config;
use jose::key::{KeyPurpose, KeyRing};

/// The age at which a signing key should be replaced.
const OLD: TimeDelta = TimeDelta::days(365);

pub(super) fn examine(
    config: &Config,
    settings: Option<&Path>,
    clock: &dyn Clock,
    report: &mut DoctorReport,
) {
    if let Some(settings) = settings.filter(|_| config.database.url.has_password()) {
        check_mode("settings", settings, report);
    }
    secrets(&config.secrets.key_file, report);
    if let Some(tls) = &config.server.tls
        && tls.key.exists()
    {
        check_mode("certificate", &tls.key, report);
    }
    if config.oauth.enabled {
        signing(&config.oauth.keys, clock.now(), report);
    }
}

/// The file of the key that encrypts secrets in the database.
fn secrets(file: &Path, report: &mut DoctorReport) {
    let name = file.display();
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return report.warning(
                "secrets",
                format!("secrets.key_file {name} does not exist; the first start creates it"),
                "if this database has been in use, restore its key file: without it the encrypted secrets are lost",
            );
        }
        Err(error) => return unusable("secrets", &format!("secrets.key_file {name}"), &error, report),
        Ok(_) => {}
    }
    check_mode("secrets", file, report);
    match Vault::open(file) {
        Ok(_) => report.ok("secrets", format!("{name} contains a key")),
        Err(error) => {
            report.wrong("secrets", format!("{name}: {error}"), "restore the file from a backup");
        }
    }
}

/// The folder of the keys that sign tokens.
fn signing(folder: &Path, now: DateTime<Utc>, report: &mut DoctorReport) {
    let name = folder.display();
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return report.warning(
                "keys",
                format!(
                    "oauth.keys {name} does not exist; the first start creates it, and a key for each purpose"
                ),
                "if this server has been in use, restore the folder: tokens signed with the old keys are refused",
            );
        }
        Err(error) => return unusable("keys", &format!("oauth.keys {name}"), &error, report),
        Ok(_) => {}
    }
    let ring = match KeyRing::load(folder) {
        Ok(ring) => ring,
        Err(error) => {
            let mend =
                "restore the file from a backup, or remove it: `onbehalf keys rotate` creates new ones";
            return report.wrong("keys", format!("{name}: {error}"), mend);
        }
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "pem") {
            check_mode("keys", &entry.path(), report);
        }
    }
    for purpose in KeyPurpose::ALL {
        let Some(key) = ring.newest(purpose) else {
            let found = format!("{name} has no key for {}; the next start creates one", purpose.as_str());
            report.warning("keys", found, "run `onbehalf keys rotate`");
            continue;
        };
        let age = now - made_at(&key.kid).unwrap_or(now);
        let days = age.num_days();
        if age > OLD {
            let found = format!("the key for {} is {days} days old", purpose.as_str());
            report.warning("keys", found, "run `onbehalf keys rotate`, and remove the old one after a day");
        } else {
            report.ok("keys", format!("{}: {} days old", purpose.as_str(), days.max(0)));
        }
    }
}

/// The creation time of a key: its id is a UUIDv7.
fn made_at(kid: &str) -> Option<DateTime<Utc>> {
    base::ids::time_of(&uuid::Uuid::parse_str(kid).ok()?)
}

/// Whether only its owner can read a file.
fn check_mode(about: &'static str, file: &Path, report: &mut DoctorReport) {
    let mode = fs::metadata(file).map(|found| found.permissions().mode() & 0o777).unwrap_or_default();
    if mode & 0o077 != 0 {
        let name = file.display();
        report.wrong(
            about,
            format!("users other than its owner can access {name} (mode {mode:o})"),
            format!("chmod 600 {name}"),
        );
    }
}

fn unusable(about: &'static str, what: &str, error: &io::Error, report: &mut DoctorReport) {
    report.wrong(about, format!("{what}: {error}"), "make it readable for the user that runs onbehalf");
}
