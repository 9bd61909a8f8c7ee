//! The months of the audit record on PostgreSQL: the plain table of earlier versions is divided as it stands, in one
//! transaction, and each month is guarded as the table is.

use crate::cli::{SHORT, configuration};
use crate::support::{Backend, Folder, SANDBOX_DATA, TestDatabase, sql};

/// A database with records in the plain table that versions before the months had.
fn whole() -> (TestDatabase, Folder, String) {
    let (database, folder) = (TestDatabase::migrated(Backend::Postgres), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let data = folder.write("data.json", SANDBOX_DATA);
    folder.run_in(&["seed", &data, "--config", &config], &SHORT).well();
    let first = parts(&database).remove(0);
    sql::execute(
        &database.url,
        &format!(
            "ALTER TABLE audit_records DETACH PARTITION {first}; DROP TABLE audit_records;
            ALTER TABLE {first} RENAME TO audit_records;
            DO $$ DECLARE name TEXT; BEGIN
                FOR name IN SELECT relname FROM pg_class WHERE relkind = 'i' AND relname LIKE '{first}%' LOOP
                    EXECUTE format('ALTER INDEX %I RENAME TO %I', name, replace(name, '{first}', 'audit_records'));
                END LOOP;
            END $$;"
        ),
    );
    (database, folder, config)
}

/// The partitions, in order of their names.
fn parts(database: &TestDatabase) -> Vec<String> {
    sql::values(
        &database.url,
        "SELECT inhrelid::regclass::TEXT AS value FROM pg_inherits WHERE inhparent = 'audit_records'::regclass ORDER BY 1",
    )
}

/// The records as texts.
fn records(database: &TestDatabase) -> Vec<String> {
    sql::values(&database.url, "SELECT a::TEXT AS value FROM audit_records a ORDER BY id")
}

fn verify(folder: &Folder, config: &str) {
    folder.run(&["audit", "verify", "--config", config]).well();
}

fn is_partitioned(database: &TestDatabase) -> bool {
    let kind = "SELECT relkind::TEXT AS value FROM pg_class WHERE oid = 'audit_records'::regclass";
    sql::values(&database.url, kind) == ["p"]
}

#[test]
fn a_plain_table_with_records_is_divided_and_stays_as_it_was() {
    let (database, folder, config) = whole();
    let before = records(&database);
    assert!(!is_partitioned(&database) && !before.is_empty());
    database.open().migrate_up().expect("the table is divided");
    assert!(is_partitioned(&database));
    assert_eq!(records(&database), before);
    verify(&folder, &config);
    // This month with all that was there, three months ahead, and the rest; each index of the table is an index of each.
    assert_eq!(parts(&database).len(), 5);
    let indexes = "SELECT c.relname || ' ' || count(*) AS value FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid \
        WHERE c.relname LIKE 'audit_records\\_%' AND i.indisvalid GROUP BY c.relname";
    let counts: std::collections::BTreeSet<String> = sql::values(&database.url, indexes)
        .iter()
        .map(|line| line.rsplit_once(' ').expect("a count").1.to_owned())
        .collect();
    assert_eq!(counts.len(), 1, "{counts:?}");
    // Again: nothing is left to do.
    database.open().add_audit_months().expect("nothing to add");
    assert_eq!(parts(&database).len(), 5);
}

#[test]
fn no_month_lets_its_records_be_changed() {
    let (database, _folder, _config) = whole();
    database.open().migrate_up().expect("the table is divided");
    let before = records(&database);
    for part in parts(&database).into_iter().chain(["audit_records".to_owned()]) {
        for change in [
            format!("UPDATE {part} SET act = 'x'"),
            format!("DELETE FROM {part}"),
            format!("TRUNCATE {part}"),
        ] {
            let mut connection = sql::postgres(&database.url);
            let refused = diesel::connection::SimpleConnection::batch_execute(&mut connection, &change);
            let error = refused.expect_err(&change).to_string();
            assert!(error.contains("audit records are only ever added"), "{change}: {error}");
        }
    }
    assert_eq!(records(&database), before);
    let store = database.open();
    let is_guarded = || store.read_here(|tx| tx.is_audit_guarded()).expect("an answer");
    assert!(is_guarded());
    let part = parts(&database).remove(1);
    sql::execute(&database.url, &format!("DROP TRIGGER audit_records_keep ON {part}"));
    assert!(!is_guarded(), "a month without its guard is reported");
    store.migrate_up().expect("the guard is set again");
    assert!(is_guarded());
}

#[test]
fn a_division_that_is_stopped_leaves_the_table_as_it_was() {
    let (database, folder, config) = whole();
    let before = records(&database);
    // It fails near its end: the name of its last step is taken.
    sql::execute(&database.url, "CREATE TABLE audit_records_of_no_month (id TEXT)");
    database.open().migrate_up().expect_err("the name is taken");
    assert!(!is_partitioned(&database));
    assert_eq!(records(&database), before);
    sql::execute(&database.url, "DROP TABLE audit_records_of_no_month");
    // It is killed while it waits for the table.
    let mut reader = sql::postgres(&database.url);
    let hold = "BEGIN; LOCK TABLE audit_records IN ACCESS SHARE MODE";
    diesel::connection::SimpleConnection::batch_execute(&mut reader, hold).expect("a lock");
    let store = database.open();
    let waiting = std::thread::spawn(move || store.add_audit_months());
    let url = database.url.clone();
    crate::support::poll::poll("the division to wait", || {
        let kill = "SELECT pg_terminate_backend(pid)::TEXT AS value FROM pg_stat_activity \
            WHERE datname = current_database() AND query LIKE 'LOCK TABLE audit_records IN ACCESS EXCLUSIVE%' \
            AND wait_event_type = 'Lock'";
        (!sql::values(&url, kill).is_empty()).then_some(())
    });
    waiting.join().expect("no panic").expect_err("the session was ended");
    drop(reader);
    assert!(!is_partitioned(&database));
    assert_eq!(records(&database), before);
    database.open().migrate_up().expect("the table is divided");
    assert!(is_partitioned(&database));
    assert_eq!(records(&database), before);
    verify(&folder, &config);
}

#[test]
fn a_record_of_no_month_is_written_all_the_same_and_reported() {
    let database = TestDatabase::migrated(Backend::Postgres);
    sql::execute(
        &database.url,
        "INSERT INTO audit_records (id, chain, sequence, previous_hash, hash, recorded_at, act, outcome, caller_kind)
         VALUES ('ffffffff-0000-7000-8000-000000000000', 0, 1, '', '', 0, 'role-read', '0', 'service')",
    );
    let store = database.open();
    let missing = store.read_here(|tx| tx.find_missing_months()).expect("an answer").expect("of PostgreSQL");
    assert!(missing.has_others && !missing.is_whole);
    // A table with an id that has no time stays whole, and works.
    let (plain, ..) = whole();
    sql::execute(
        &plain.url,
        "INSERT INTO audit_records (id, chain, sequence, previous_hash, hash, recorded_at, act, outcome, caller_kind)
         VALUES ('x', 9, 100000, '', '', 0, 'role-read', '0', 'service')",
    );
    let store = plain.open();
    store.migrate_up().expect("nothing is divided");
    assert!(!is_partitioned(&plain));
    assert!(
        store.read_here(|tx| tx.find_missing_months()).expect("an answer").expect("of PostgreSQL").is_whole
    );
}
