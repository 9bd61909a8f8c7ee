//! A database of the version before reasons had a giver.

use rstest::rstest;

use crate::support::{Backend, TestDatabase, sql};

/// The migration that adds the giver.
const STEP: &str = "20261127000013";

#[rstest]
fn migration_keeps_the_giver_of_a_status_reason(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::empty(backend);
    let store = database.open();
    store.migrate_up().expect("the schema is made");
    while store.migrate_down(1).expect("a step is taken back") != [STEP] {}
    let role = |id: &str, patient: &str, reason: &str| {
        format!(
            "INSERT INTO roles (id, version, proxy, patient, status, reason_code, legal_basis, created_text, created_from,
                     created_to, updated_at)
                 VALUES ('{id}', 2, '9990000018', '{patient}', 'inactive', '{reason}', 'consent', '2020', 0, 0, 0);"
        )
    };
    let record = |id: &str, sequence: u8, kind: &str| {
        format!(
            "INSERT INTO audit_records (id, chain, sequence, previous_hash, hash, recorded_at, act, outcome, caller_kind,
                     caller_id, subject, subject_version, patient, proxy)
                 VALUES ('r{id}', 0, {sequence}, '', '', 0, 'role-changed', '0', '{kind}', '9990000018', 'Consent/{id}', 2,
                     '9990000026', '9990000018');"
        )
    };
    let requested = "ROLE_DEACTIVATED_PATIENT_REQUEST";
    sql::execute(
        &database.url,
        &[
            "INSERT INTO people (nhs_number, standing, updated_at)
                 VALUES ('9990000018', 'current', 0), ('9990000026', 'current', 0), ('9990000034', 'current', 0),
                     ('9990000042', 'current', 0);"
                .to_owned(),
            role("a", "9990000026", requested),
            role("b", "9990000034", requested),
            role("c", "9990000042", "ROLE_DEACTIVATED_SAFEGUARDING"),
            "INSERT INTO role_versions SELECT * FROM roles;".to_owned(),
            record("a", 1, "citizen"),
            record("b", 2, "staff"),
            record("c", 3, "citizen"),
        ]
        .concat(),
    );
    store.migrate_up().expect("the upgrade is made");
    for table in ["roles", "role_versions"] {
        let givers =
            sql::values(&database.url, &format!("SELECT reason_by AS value FROM {table} ORDER BY id"));
        assert_eq!(givers, ["9990000018", "", ""], "{table}");
    }
    // A program of the version before goes on beside the new one: it does not name the column.
    sql::execute(
        &database.url,
        "DELETE FROM role_versions WHERE id = 'c'; DELETE FROM roles WHERE id = 'c';",
    );
    sql::execute(&database.url, &role("d", "9990000042", requested));
    let giver = sql::values(&database.url, "SELECT reason_by AS value FROM roles WHERE id = 'd'");
    assert_eq!(giver, [""], "the reason stays masked");
    store.migrate_down(1).expect("and back");
    assert_eq!(sql::number(&database.url, "SELECT CAST(count(*) AS TEXT) AS value FROM roles"), 3);
}
