//! The command line, each verb as a process: exit code, output, side effects.

mod backup;
mod database;
mod describe;
mod doctor;
mod export;
mod import;
mod keys;
mod modes;
mod sandbox;
mod seed;
mod settings;
mod shutdown;
mod subscriptions;
mod tls;
mod verbs;

use sha2::{Digest as _, Sha256};

use crate::support::{Ended, sql};

/// A token that the configurations below accept.
pub const TOKEN: &str = "s3cret-token";
const BASE: &str = "/validated-relationships/FHIR/R4";

/// The digest of [`TOKEN`], as a configuration has it.
fn token_digest() -> String {
    Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sandbox data have numbers that fail the check digit.
pub const SHORT: [(&str, &str); 1] = [("ONBEHALF__CONTRACT__NHS_NUMBER_CHECK", "length")];

/// A configuration with which `serve` works.
pub fn configuration(database: &str) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nworkers = 1\n[database]\nurl = {database:?}\n\
         [access]\npolicy = \"tokens\"\n[[access.tokens]]\nname = \"test\"\nmode = \"system\"\nsha256 = \"{}\"\n",
        token_digest()
    )
}

/// Checks that a command failed with one sentence that contains this, and returns it.
#[track_caller]
fn assert_one_sentence(ended: &Ended, says: &str) {
    assert_eq!(ended.code, Some(1), "{}", ended.printed());
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "not one sentence: {}", ended.stderr);
    assert!(lines[0].starts_with("onbehalf: ") && lines[0].contains(says), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

/// How many rows every table has, to compare before and after.
fn counts(url: &str) -> Vec<i64> {
    let tables = [
        "people",
        "person_names",
        "relationships",
        "roles",
        "role_versions",
        "access_requests",
        "audit_records",
        "outbox",
        "settings",
    ];
    let count = |table| sql::number(url, &format!("SELECT CAST(count(*) AS TEXT) AS value FROM {table}"));
    tables.into_iter().map(count).collect()
}
