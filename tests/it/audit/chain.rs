//! Changes of the audit record outside the program are detected: `onbehalf audit verify` names the place.

use rstest::rstest;

use crate::cli::SHORT;
use crate::support::{Backend, Ended, Folder, SANDBOX_DATA, TestDatabase, sql};

/// A database with 32 records in one chain: those of the sandbox's roles.
struct Chained {
    database: TestDatabase,
    folder: Folder,
    config: String,
    chain: String,
}

impl Chained {
    fn new(backend: Backend) -> Self {
        let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
        let config = folder.write("onbehalf.toml", &crate::cli::configuration(&database.url));
        let data = folder.write("data.json", SANDBOX_DATA);
        folder.run_in(&["seed", &data, "--config", &config], &SHORT).well();
        let chains =
            sql::values(&database.url, "SELECT DISTINCT CAST(chain AS TEXT) AS value FROM audit_records");
        assert_eq!(chains.len(), 1, "one transaction, one chain");
        let chain = chains[0].clone();
        Self { database, folder, config, chain }
    }

    fn verify(&self, more: &[&str]) -> Ended {
        self.folder.run(&[&["audit", "verify", "--config", &self.config], more].concat())
    }

    /// Bypasses the database's guard.
    fn tamper(&self, statement: &str) {
        let url = &self.database.url;
        let (down, table) = if url.starts_with("sqlite:") {
            (
                "DROP TRIGGER audit_records_keep; DROP TRIGGER audit_records_stay; DROP TRIGGER audit_records_add;",
                "",
            )
        } else {
            ("DROP TRIGGER audit_records_keep ON audit_records;", "")
        };
        sql::execute(url, &format!("{down}{table}{}", statement.replace("CHAIN", &self.chain)));
    }

    #[track_caller]
    fn assert_named(&self, what: &str, sequence: i64, fault: &str) {
        let ended = self.verify(&[]);
        assert_eq!(ended.code, Some(1), "{what}: {}", ended.printed());
        let place = format!("chain {}, sequence {sequence}", self.chain);
        let line = ended.stderr.lines().find(|line| line.contains(&place));
        assert!(line.is_some_and(|line| line.contains(fault)), "{what}: {}", ended.printed());
        assert_eq!(ended.stderr.lines().count(), 2, "{what}: the first break alone: {}", ended.stderr);
    }
}

#[rstest]
fn untouched_audit_chain_verifies(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let chained = Chained::new(backend);
    let heads = chained.verify(&[]).well();
    let is_head = |line: &str| line.starts_with(&format!("{} 32 ", chained.chain));
    assert!(heads.lines().any(is_head) && heads.lines().count() == 16, "{heads}");
    let kept = chained.folder.write("heads", &format!("# of today\n{heads}"));
    assert_eq!(chained.verify(&["--expect", &kept]).well(), heads);
    let nonsense = chained.folder.write("nonsense", "0 1 abc\n");
    assert_eq!(chained.verify(&["--expect", &nonsense]).code, Some(1));
    assert_eq!(chained.verify(&["--expect", "no-such-file"]).code, Some(1));
}

#[rstest]
fn the_database_itself_refuses_to_change_a_record(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let chained = Chained::new(backend);
    let url = &chained.database.url;
    for statement in ["UPDATE audit_records SET act = 'read'", "DELETE FROM audit_records"] {
        let refused = std::panic::catch_unwind(|| sql::execute(url, statement));
        assert!(refused.is_err(), "{statement}");
    }
    chained.verify(&[]).well();
}

#[rstest]
fn change_of_any_audit_column_is_detected(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let chained = Chained::new(backend);
    chained.tamper("");
    let table = "audit_records WHERE sequence = 7";
    for (column, value) in [
        ("id", "'018f0000-0000-7000-8000-000000000000'"),
        ("recorded_at", "recorded_at + 1"),
        ("act", "'role-changed'"),
        ("outcome", "'4'"),
        ("refusal", "'forbidden'"),
        ("caller_kind", "'staff'"),
        ("caller_id", "'nobody'"),
        ("organisation", "'A20047'"),
        ("app", "'an-app'"),
        ("grant_id", "'a-grant'"),
        ("request_id", "''"),
        ("subject", "NULL"),
        ("subject_version", "2"),
        ("query", "'a=b'"),
        ("patient", "proxy"),
        ("proxy", "NULL"),
        ("hash", "previous_hash"),
        ("previous_hash", "hash"),
    ] {
        let url = &chained.database.url;
        let kept =
            sql::values(url, &format!("SELECT CAST({column} AS TEXT) AS value FROM {table}")).remove(0);
        sql::execute(url, &format!("UPDATE audit_records SET {column} = {value} WHERE sequence = 7"));
        chained.assert_named(column, 7, "changed");
        let is_null = ["refusal", "caller_id", "organisation", "app", "grant_id", "request_id", "query"];
        let back = match column {
            "recorded_at" | "subject_version" => kept,
            _ if is_null.contains(&column) => "NULL".to_owned(),
            _ => format!("'{kept}'"),
        };
        sql::execute(url, &format!("UPDATE audit_records SET {column} = {back} WHERE sequence = 7"));
    }
    chained.verify(&[]).well();
}

/// The place in the chain, the reported fault, and the statement that causes it.
const TAMPERINGS: [(&str, i64, &str, &str); 8] = [
    ("one deleted", 7, "missing", "DELETE FROM audit_records WHERE sequence = 7"),
    ("the first deleted", 1, "missing", "DELETE FROM audit_records WHERE sequence = 1"),
    ("the last deleted", 32, "cut off", "DELETE FROM audit_records WHERE sequence = 32"),
    ("all deleted", 1, "cut off", "DELETE FROM audit_records"),
    (
        "two swapped",
        7,
        "out of order",
        "UPDATE audit_records SET sequence = 99 WHERE sequence = 7; \
         UPDATE audit_records SET sequence = 7 WHERE sequence = 8; \
         UPDATE audit_records SET sequence = 8 WHERE sequence = 99",
    ),
    (
        "one inserted at the end",
        33,
        "added",
        "INSERT INTO audit_records (id, chain, sequence, previous_hash, hash, recorded_at, act, outcome, caller_kind) \
         VALUES ('x', CHAIN, 33, '', '', 0, 'read', '0', 'staff')",
    ),
    ("the head moved back", 32, "added", "UPDATE audit_chains SET sequence = 31 WHERE chain = CHAIN"),
    ("the head gone", 1, "no head", "DELETE FROM audit_chains WHERE chain = CHAIN"),
];

#[rstest]
fn deleted_moved_or_added_audit_records_are_detected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for (what, sequence, fault, statement) in TAMPERINGS {
        let chained = Chained::new(backend);
        chained.tamper(statement);
        chained.assert_named(what, sequence, fault);
    }
}

#[rstest]
fn audit_record_in_an_unknown_chain_is_detected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut chained = Chained::new(backend);
    chained.tamper("UPDATE audit_records SET chain = 77, sequence = 1 WHERE sequence = 32");
    let ended = chained.verify(&[]);
    assert!(ended.stderr.contains("sequence 32: cut off"), "{}", ended.stderr);
    chained.chain = "77".to_owned();
    assert!(ended.stderr.contains("chain 77, sequence 1"), "{}", ended.stderr);
}

/// An attacker who knows the program rewrites a chain consistently: from another database.
#[rstest]
fn rewritten_audit_chain_is_detected_by_kept_heads(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (kept, rewritten) = (Chained::new(backend), Chained::new(backend));
    let heads = kept.verify(&[]).well();
    assert_ne!(rewritten.verify(&[]).well(), heads);
    let of_chain = |line: &&str| line.starts_with(&format!("{} ", kept.chain));
    let (_, head) = heads.lines().find(of_chain).and_then(|line| line.split_once(' ')).expect("a head");
    let file = rewritten.folder.write("heads", &format!("{} {head}\n", rewritten.chain));
    let ended = rewritten.verify(&["--expect", &file]);
    assert_eq!(ended.code, Some(1));
    let says = format!("chain {}, sequence 32", rewritten.chain);
    assert!(ended.stderr.contains(&says) && ended.stderr.contains("kept"), "{}", ended.stderr);
    // The tail and its head were removed.
    rewritten.tamper(
        "DELETE FROM audit_records WHERE sequence > 30; UPDATE audit_chains SET sequence = 30, \
         hash = (SELECT hash FROM audit_records WHERE sequence = 30) WHERE chain = CHAIN",
    );
    rewritten.verify(&[]).well();
    let ended = rewritten.verify(&["--expect", &file]);
    assert!(ended.code == Some(1) && ended.stderr.contains("sequence 31: cut off"), "{}", ended.stderr);
}

#[rstest]
fn wrong_audit_chain_head_is_detected(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let chained = Chained::new(backend);
    chained.tamper("UPDATE audit_chains SET hash = 'a' WHERE chain = CHAIN");
    chained.assert_named("the head", 32, "another hash than its head");
}
