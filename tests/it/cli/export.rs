//! `onbehalf export`: import reads its output, and the database is the same.

use std::os::unix::fs::PermissionsExt as _;

use rstest::rstest;
use serde_json::Value;

use super::{SHORT, configuration};
use crate::fhir::client::{get, send_well};
use crate::support::{Backend, Ended, Folder, SANDBOX_DATA, TestApp, TestDatabase, sql};

fn run(folder: &Folder, database: &TestDatabase, arguments: &[&str]) -> Ended {
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let lifecycle = ("ONBEHALF__CONTRACT__PROPOSED_LIFECYCLE", "true");
    let reasons = ("ONBEHALF__CONTRACT__STATUS_REASON", "known-code");
    folder.run_in(&[arguments, &["--config", &config]].concat(), &[SHORT[0], lifecycle, reasons])
}

fn read(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path(name)).expect("there is an export")
}

#[rstest]
fn export_import_export_round_trip(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let data = folder.write("data.json", SANDBOX_DATA);
    run(&folder, &database, &["seed", &data]).well();
    // A role with a history and a review mark.
    sql::execute(
        &database.url,
        "UPDATE roles SET version = 7, needs_review = TRUE WHERE id = '6b71ac92-baa3-4b76-b0f5-a601257e2722'",
    );
    run(&folder, &database, &["export", "--with-people", "--output", "first.ndjson"]).well();
    let first = read(&folder, "first.ndjson");
    let kinds = |kind: &str| {
        first.lines().filter(|line| line.contains(&format!("{{\"resourceType\":\"{kind}\""))).count()
    };
    assert!(kinds("Consent") > 20 && kinds("Patient") > 40, "{first}");
    assert_eq!(kinds("Consent") + kinds("Patient"), first.lines().count());
    let mode = std::fs::metadata(folder.path("first.ndjson")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let other = TestDatabase::migrated(backend);
    let imported = run(&folder, &other, &["import", "first.ndjson", "--as-exported", "--with-people"]).well();
    assert!(imported.contains(&format!("roles: {} created, 0 same", kinds("Consent"))), "{imported}");
    assert!(imported.contains(&format!("people: {} created, 0 same", kinds("Patient"))), "{imported}");
    run(&folder, &other, &["export", "--with-people", "--output", "second.ndjson"]).well();
    assert_eq!(read(&folder, "second.ndjson"), first);

    let again = run(&folder, &other, &["import", "first.ndjson", "--as-exported", "--with-people"]).well();
    assert!(again.contains("roles: 0 created") && again.contains("people: 0 created"), "{again}");
    run(&folder, &other, &["audit", "verify"]).well();
}

#[rstest]
fn export_can_be_limited_to_a_grantor_and_is_audited(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let data = folder.write("data.json", SANDBOX_DATA);
    run(&folder, &database, &["seed", &data]).well();
    let grantor = "B81001";
    sql::execute(
        &database.url,
        "UPDATE roles SET grantor = 'B81001' WHERE id = '6b71ac92-baa3-4b76-b0f5-a601257e2722'",
    );
    let before = sql::number(&database.url, "SELECT CAST(count(*) AS TEXT) AS value FROM audit_records");
    let all = run(&folder, &database, &["export"]).well();
    let some = run(&folder, &database, &["export", "--grantor", grantor]).well();
    let of_grantor: Vec<&str> = all.lines().filter(|line| line.contains(&format!("\"{grantor}\""))).collect();
    assert!(!of_grantor.is_empty() && of_grantor.len() < all.lines().count());
    assert_eq!(some.lines().collect::<Vec<_>>(), of_grantor);
    let ids: Vec<String> = all
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).expect("JSON")["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    assert!(ids.is_sorted());
    let after = sql::values(
        &database.url,
        "SELECT query AS value FROM audit_records WHERE act = 'search-type' ORDER BY id",
    );
    assert_eq!(after, ["onbehalf export".to_owned(), format!("onbehalf export --grantor {grantor}")]);
    assert_eq!(
        sql::number(&database.url, "SELECT CAST(count(*) AS TEXT) AS value FROM audit_records"),
        before + 2
    );
}

#[rstest]
#[actix_web::test]
async fn export_line_equals_the_read_response(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let folder = Folder::new();
    let lines = folder.run(&["export", "--database", &app.database_url()]).well();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let id = line["id"].as_str().expect("an id");
        assert_eq!(send_well(&app, get(&format!("/Consent/{id}")), 200).await, line);
    }
    assert!(lines.lines().count() > 20);
}
