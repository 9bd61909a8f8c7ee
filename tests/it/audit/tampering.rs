//! Detection of each kind of tampering with the audit record, past the guard of the database: by `audit
//! verify`, the same with kept heads, or `doctor`. The attacker knows the program and computes hashes as it
//! does.

use rstest::rstest;
use sha2::{Digest as _, Sha256};

use crate::cli::{SHORT, configuration};
use crate::support::{Backend, Folder, SANDBOX_DATA, TestDatabase, sql};

const COLUMNS: [&str; 20] = [
    "id",
    "chain",
    "sequence",
    "previous_hash",
    "hash",
    "recorded_at",
    "act",
    "outcome",
    "refusal",
    "caller_kind",
    "caller_id",
    "organisation",
    "app",
    "grant_id",
    "request_id",
    "subject",
    "subject_version",
    "query",
    "patient",
    "proxy",
];
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A database with records in one chain, and the heads from before the tampering.
struct Place {
    database: TestDatabase,
    folder: Folder,
    config: String,
    chain: i64,
    kept: String,
}

impl Place {
    fn new(backend: Backend) -> Self {
        let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
        let config = folder.write("onbehalf.toml", &configuration(&database.url));
        let data = folder.write("data.json", SANDBOX_DATA);
        folder.run_in(&["seed", &data, "--config", &config], &SHORT).well();
        let heads = folder.run(&["audit", "verify", "--config", &config]).well();
        assert_eq!(heads.lines().count(), 16, "the heads of empty chains, too: {heads}");
        let kept = folder.write("heads", &heads);
        let chain = sql::number(&database.url, "SELECT CAST(max(chain) AS TEXT) AS value FROM audit_records");
        Self { database, folder, config, chain, kept }
    }

    fn execute(&self, statement: &str) {
        sql::execute(&self.database.url, statement);
    }

    fn unguard(&self) {
        let of_sqlite = "DROP TRIGGER audit_records_keep; DROP TRIGGER audit_records_stay; DROP TRIGGER audit_records_add;";
        let of_postgres = "DROP TRIGGER audit_records_keep ON audit_records;";
        self.execute(if self.database.url.starts_with("sqlite:") { of_sqlite } else { of_postgres });
    }

    /// A record of a chain, as texts; an empty one is null.
    fn record(&self, chain: i64, sequence: i64) -> Vec<Option<String>> {
        let column = |name: &&str| {
            let statement = format!(
                "SELECT CAST({name} AS TEXT) AS value FROM audit_records WHERE chain = {chain} AND sequence = {sequence}"
            );
            sql::values(&self.database.url, &statement).pop().filter(|text| !text.is_empty())
        };
        COLUMNS.iter().map(column).collect()
    }

    /// Writes a record at its place, with the hashes that it needs there, in the place of what is there; and gives its hash.
    fn forge(&self, record: &[Option<String>], previous: &str) -> String {
        let mut record = record.to_vec();
        record[3] = Some(previous.to_owned());
        record[4] = Some(digest(&record, previous));
        let (chain, sequence) = (record[1].clone().expect("a chain"), record[2].clone().expect("a place"));
        let literal = |(name, value): (&str, &Option<String>)| match value {
            None => "NULL".to_owned(),
            Some(number) if ["chain", "sequence", "recorded_at", "subject_version"].contains(&name) => {
                number.clone()
            }
            Some(text) => format!("'{}'", text.replace('\'', "''")),
        };
        let values: Vec<String> = COLUMNS.into_iter().zip(&record).map(literal).collect();
        self.execute(&format!(
            "DELETE FROM audit_records WHERE chain = {chain} AND sequence = {sequence}; \
             INSERT INTO audit_records ({}) VALUES ({});",
            COLUMNS.join(", "),
            values.join(", ")
        ));
        record[4].clone().expect("a hash")
    }

    /// Hashes the chain again from a place on, and moves its head to its end.
    fn rehash(&self, from: i64, to: i64) {
        let chain = self.chain;
        let before = (from > 1).then(|| self.record(chain, from - 1)[4].clone()).flatten();
        let mut hash = before.unwrap_or_else(|| NOTHING.to_owned());
        for sequence in from..=to {
            hash = self.forge(&self.record(chain, sequence), &hash);
        }
        self.move_head(chain, to, &hash);
    }

    fn move_head(&self, chain: i64, sequence: i64, hash: &str) {
        self.execute(&format!(
            "UPDATE audit_chains SET sequence = {sequence}, hash = '{hash}' WHERE chain = {chain}"
        ));
    }

    /// Adds a record that is a month old: at the end of a chain, or as the first of an empty one.
    fn back_date(&self, chain: i64, sequence: i64, previous: &str) {
        let mut record = self.record(self.chain, 1);
        let at: i64 = record[5].as_deref().and_then(|at| at.parse().ok()).expect("a time");
        record[0] = Some("018f0000-0000-7000-8000-000000000000".to_owned());
        (record[1], record[2]) = (Some(chain.to_string()), Some(sequence.to_string()));
        record[5] = Some((at - 30 * DAY).to_string());
        let hash = self.forge(&record, previous);
        self.move_head(chain, sequence, &hash);
    }
}

/// As `store/audit/chain.rs` has it, written once more.
fn digest(record: &[Option<String>], previous: &str) -> String {
    let of =
        |name: &str| record[COLUMNS.iter().position(|column| *column == name).expect("a column")].as_deref();
    let named = ["chain", "sequence", "id", "recorded_at", "act", "outcome", "caller_kind", "refusal"];
    let rest = ["caller_id", "organisation", "app", "grant_id", "request_id", "subject", "subject_version"];
    let fields = named.into_iter().chain(rest).chain(["query", "patient", "proxy"]).map(of);
    let mut hash = Sha256::new();
    for field in [Some("onbehalf audit record 1"), Some(previous)].into_iter().chain(fields) {
        match field {
            None => hash.update([0]),
            Some(text) => {
                hash.update([1]);
                hash.update(u64::try_from(text.len()).expect("a length").to_be_bytes());
                hash.update(text);
            }
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The check that detects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    verify: bool,
    expect: bool,
    doctor: bool,
}

const EVERY: Found = Found { verify: true, expect: true, doctor: true };
const WALK: Found = Found { verify: true, expect: true, doctor: false };
const KEPT: Found = Found { verify: false, expect: true, doctor: false };

type Tampering = fn(&Place);

/// Each kind of tampering, the check that detects it, and its statements. Another chain is one without
/// records.
const TAMPERINGS: [(&str, Found, Tampering); 17] = [
    ("nothing", Found { verify: false, expect: false, doctor: false }, |_| {}),
    ("edited", WALK, |place| place.execute("UPDATE audit_records SET act = 'read' WHERE sequence = 7")),
    ("edited, and hashed again", KEPT, |place| {
        place.execute("UPDATE audit_records SET act = 'read' WHERE sequence = 7");
        place.rehash(7, 32);
    }),
    ("deleted", WALK, |place| place.execute("DELETE FROM audit_records WHERE sequence = 7")),
    ("tail cut", EVERY, |place| place.execute("DELETE FROM audit_records WHERE sequence > 30")),
    ("tail cut, and the head moved", KEPT, |place| {
        place.execute("DELETE FROM audit_records WHERE sequence > 30");
        let hash = place.record(place.chain, 30)[4].clone().expect("a hash");
        place.move_head(place.chain, 30, &hash);
    }),
    ("inserted behind the head", EVERY, |place| {
        let (mut record, last) = (place.record(place.chain, 1), place.record(place.chain, 32));
        (record[0], record[2]) = (Some("x".to_owned()), Some("33".to_owned()));
        place.forge(&record, last[4].as_deref().expect("a hash"));
    }),
    ("replaced", WALK, |place| {
        let mut record = place.record(place.chain, 7);
        record[6] = Some("read".to_owned());
        let previous = record[3].clone().expect("a hash");
        place.forge(&record, &previous);
    }),
    ("reordered", WALK, |place| {
        place.execute(
            "UPDATE audit_records SET sequence = 99 WHERE sequence = 7; \
             UPDATE audit_records SET sequence = 7 WHERE sequence = 8; \
             UPDATE audit_records SET sequence = 8 WHERE sequence = 99",
        );
    }),
    ("back-dated at the end", WALK, |place| {
        let last = place.record(place.chain, 32)[4].clone().expect("a hash");
        place.back_date(place.chain, 33, &last);
    }),
    // On SQLite no other chain is used, so that only the walk detects it there.
    ("back-dated in an unused chain", KEPT, |place| place.back_date((place.chain + 7) % 16, 1, NOTHING)),
    ("chains swapped", EVERY, |place| {
        let other = (place.chain + 1) % 16;
        place.execute(&format!("UPDATE audit_records SET chain = {other} WHERE chain = {}", place.chain));
    }),
    ("chains swapped with their heads", WALK, |place| {
        let (chain, other) = (place.chain, (place.chain + 1) % 16);
        place.execute(&format!(
            "UPDATE audit_records SET chain = {other}; UPDATE audit_chains SET chain = 99 WHERE chain = {other}; \
             UPDATE audit_chains SET chain = {other} WHERE chain = {chain}; \
             UPDATE audit_chains SET chain = {chain} WHERE chain = 99"
        ));
    }),
    ("table wiped", EVERY, |place| place.execute("DELETE FROM audit_records")),
    ("heads wiped", WALK, |place| place.execute("DELETE FROM audit_chains")),
    ("head of an empty chain wiped", WALK, |place| {
        place.execute(&format!("DELETE FROM audit_chains WHERE chain = {}", (place.chain + 1) % 16));
    }),
    // `doctor` warns: there are roles.
    ("table and heads wiped", Found { doctor: true, ..KEPT }, |place| {
        place.execute(&format!(
            "DELETE FROM audit_records; UPDATE audit_chains SET sequence = 0, hash = '{NOTHING}'"
        ));
    }),
];

#[rstest]
fn each_kind_of_audit_tampering_is_detected(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    for (kind, found, tamper) in TAMPERINGS {
        let place = Place::new(backend);
        place.unguard();
        tamper(&place);
        place.database.open().migrate_up().expect("the guard is set again");
        let run = |more: &[&str]| place.folder.run(&[more, &["--config", &place.config]].concat());
        let (verify, expect) =
            (run(&["audit", "verify"]), run(&["audit", "verify", "--expect", &place.kept]));
        let doctor = run(&["doctor", "--json"]).stdout;
        let report: serde_json::Value = serde_json::from_str(&doctor).expect("a report");
        let findings = report["findings"].as_array().expect("findings");
        let of_audit = findings.iter().filter(|finding| finding["about"] == "audit");
        let seen = Found {
            verify: verify.code == Some(1),
            expect: expect.code == Some(1),
            doctor: of_audit.into_iter().any(|finding| finding["state"] != "ok"),
        };
        let is_one_chain = backend == Backend::Sqlite && kind.contains("unused chain");
        let found = Found { verify: found.verify || is_one_chain, ..found };
        assert_eq!(seen, found, "{kind}: {}{}{doctor}", verify.printed(), expect.printed());
    }
}

/// The database itself refuses each statement that would change or replace a record, and stays as it is.
#[rstest]
fn statements_that_change_or_replace_a_record_are_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let place = Place::new(backend);
    let again = "SELECT * FROM audit_records WHERE sequence = 5";
    let columns = COLUMNS.join(", ");
    let of_both = [
        "UPDATE audit_records SET act = 'read'".to_owned(),
        "DELETE FROM audit_records".to_owned(),
        format!("INSERT INTO audit_records {again}"),
        format!("INSERT INTO audit_records {again} ON CONFLICT (id) DO UPDATE SET act = 'read'"),
        format!("INSERT INTO audit_records {again} ON CONFLICT (chain, sequence) DO UPDATE SET act = 'read'"),
    ];
    let of_sqlite = [
        format!("INSERT OR REPLACE INTO audit_records {again}"),
        format!("REPLACE INTO audit_records {again}"),
        format!(
            "INSERT OR REPLACE INTO audit_records ({columns}) \
             SELECT 'x', {} FROM audit_records WHERE sequence = 5",
            COLUMNS[1..].join(", ")
        ),
        "UPDATE OR REPLACE audit_records SET sequence = 6 WHERE sequence = 5".to_owned(),
        format!("PRAGMA recursive_triggers = OFF; INSERT OR REPLACE INTO audit_records {again}"),
    ];
    let of_postgres = [
        "TRUNCATE audit_records".to_owned(),
        "SET session_replication_role = replica; UPDATE audit_records SET act = 'read'".to_owned(),
        "MERGE INTO audit_records USING (SELECT 5 AS place) s ON sequence = s.place WHEN MATCHED THEN UPDATE SET act = 'read'"
            .to_owned(),
    ];
    let own: &[String] = if backend == Backend::Sqlite { &of_sqlite } else { &of_postgres };
    for statement in of_both.iter().chain(own) {
        let refused = std::panic::catch_unwind(|| place.execute(statement));
        assert!(refused.is_err(), "{statement}");
    }
    place.folder.run(&["audit", "verify", "--expect", &place.kept, "--config", &place.config]).well();
}

/// A database from before the guard, or whose guard was taken away, is reported; `migrate up` sets it.
#[rstest]
fn a_missing_guard_is_reported_by_doctor(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let place = Place::new(backend);
    let doctor = || place.folder.run(&["doctor", "--config", &place.config]).printed();
    let says = "the triggers that protect audit records are missing or disabled";
    assert!(!doctor().contains(says));
    place.unguard();
    assert!(doctor().contains(says));
    place.folder.run(&["migrate", "up", "--config", &place.config]).well();
    assert!(!doctor().contains(says));
}

/// A clock that was set back is named once, and not again for an operator who keeps later heads.
#[test]
fn a_clock_that_was_set_back_is_accepted_with_the_heads_of_a_later_time() {
    let place = Place::new(Backend::Sqlite);
    place.unguard();
    let last = place.record(0, 32)[4].clone().expect("a hash");
    place.back_date(0, 33, &last);
    let named = place.folder.run(&["audit", "verify", "--config", &place.config]);
    assert!(named.code == Some(1) && named.stderr.contains("back-dated"), "{}", named.printed());
    let later = place.folder.write("later", &named.stdout);
    place.folder.run(&["audit", "verify", "--expect", &later, "--config", &place.config]).well();
}
