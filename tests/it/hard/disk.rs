//! The disk is full: requests that must write are refused with 503, answered writes stay, and when there is room again
//! the same process continues.
//!
//! A limit on the size of files stands for the full disk: it needs no mount and no rights, and a write over it fails
//! as one on a full disk does (`EFBIG` for `ENOSPC`). The process ignores SIGXFSZ, which would end it.

use std::fs;
use std::process::Command;

use diesel::connection::SimpleConnection as _;
use rstest::rstest;

use super::measured;
use super::service::{Service, read};
use crate::cli::TOKEN;
use crate::fhir::bodies::role;
use crate::fhir::client::{get, post};
use crate::support::poll::poll;
use crate::support::{Backend, Options, Request, Response, TestApp, TestDatabase, sql, strict_contract};
use crate::vrs::known::{LONER, MOTHERS_ROLE, PATIENTS};

/// Lets no file of the process grow beyond so many bytes.
fn limit_files(service: &Service, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let id = service.running.id().to_string();
    let done = Command::new("prlimit").args(["--pid", &id, &limit]).status().expect("prlimit runs");
    assert!(done.success());
}

fn size(url: &str) -> u64 {
    let path = url.strip_prefix("sqlite:").expect("a file");
    [path.to_owned(), format!("{path}-wal")]
        .iter()
        .map(|file| fs::metadata(file).map(|found| found.len()).unwrap_or_default())
        .max()
        .expect("two files")
}

fn create(service: &Service, patient: &str, proxy: &str) -> Response {
    let body = crate::support::bodies::consent(proxy, patient);
    let path = "/validated-relationships/FHIR/R4/Consent";
    service.ask(&Request::post(path, body).bearer(TOKEN)).expect("an answer")
}

#[track_caller]
fn assert_refused(answer: &Response) {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 503, "{text}");
    assert!(answer.header("retry-after").is_some(), "{text}");
    for inside in ["disk", "I/O", "sqlite", "database"] {
        assert!(!text.to_lowercase().contains(&inside.to_lowercase()), "{inside}: {text}");
    }
}

/// A version of each role, an act and an event: all or none of the three.
fn assert_whole(service: &Service, answered: &[String]) {
    let value = |sql: &str| sql::values(&service.url, sql);
    assert_eq!(value("SELECT integrity_check AS value FROM pragma_integrity_check"), ["ok"]);
    for id in answered {
        for sql in [
            format!("SELECT id AS value FROM roles WHERE id = '{id}'"),
            format!("SELECT id AS value FROM role_versions WHERE id = '{id}'"),
            format!(
                "SELECT act AS value FROM audit_records WHERE subject = 'Consent/{id}' AND act = 'role-created'"
            ),
            format!("SELECT subject AS value FROM outbox WHERE subject = 'Consent/{id}'"),
        ] {
            assert_eq!(value(&sql).len(), 1, "{sql}");
        }
    }
    service.folder.run(&["audit", "verify", "--config", &service.config]).well();
}

fn settings() -> &'static str {
    "[limits]\nrequests_per_minute = 0"
}

#[test]
fn full_disk_is_503_loses_nothing_and_recovers() {
    let database = TestDatabase::migrated(Backend::Sqlite);
    let mut service = Service::on(database, settings(), "trap '' XFSZ");
    let mut answered = Vec::new();
    let mut patients = crate::vrs::known::PATIENTS.iter().cycle();
    for round in 0..3 {
        // First as it fills up during writes; then no write is possible at all, not even of the log.
        let room = if round == 2 { 0 } else { size(&service.url) + 200_000 };
        limit_files(&service, &room.to_string());
        let refused = poll("the disk to be full", || {
            let answer = service.ask(&read())?;
            (answer.status != 200).then_some(answer)
        });
        assert_refused(&refused);
        // The journal's file was full; the database may have room yet.
        limit_files(&service, "0");
        assert_refused(&create(&service, patients.next().expect("a patient"), LONER));
        for _ in 0..20 {
            // A read is written down before it is answered, so it is refused as well.
            assert_refused(&service.ask(&read()).expect("an answer"));
        }
        let alive = service.ask(&Request::new("GET", "/health")).expect("an answer");
        assert_eq!(alive.status, 200);
        limit_files(&service, "unlimited");
        poll("room to be used", || (service.ask(&read())?.status == 200).then_some(()));
        for proxy in [LONER, crate::vrs::known::SON] {
            let answer = create(&service, patients.next().expect("a patient"), proxy);
            if answer.status == 201 {
                let location = answer.header("location").expect("a Location").to_owned();
                answered.push(location.rsplit_once('/').expect("an id").1.to_owned());
            }
        }
        assert_whole(&service, &answered);
    }
    assert!(answered.len() >= 3, "{answered:?}");
    assert!(service.running.has_ended().is_none(), "it went on without a restart");
    let log = service.running.stderr();
    assert!(!log.contains("panic"), "{log}");
    measured("full disk, SQLite", format!("3 times full; {} acknowledged roles, all there", answered.len()));
}

/// PostgreSQL itself says when its disk is full (53100, `disk_full`); a trigger says so in its words.
#[rstest]
#[actix_web::test]
async fn full_database_disk_is_503_with_retry_after(#[values("53100", "53200")] code: &str) {
    let app =
        TestApp::start(Backend::Postgres, Options { contract: strict_contract(), ..Options::default() });
    let app = app.await;
    let url = app.database_url();
    let before = app.count_rows("audit_records");
    let full = format!(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION \
         'could not extend file \"base/16384/16397\": No space left on device' USING ERRCODE = '{code}'; END $$; \
         CREATE TRIGGER full_disk BEFORE INSERT ON audit_records FOR EACH ROW EXECUTE FUNCTION full_disk();"
    );
    sql::execute(&url, &full);
    let create = || post("/Consent", &role(LONER, PATIENTS[0]));
    for request in [create(), get(&format!("/Consent/{MOTHERS_ROLE}"))] {
        let answer = app.send(request).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    }
    assert_eq!(app.count_rows("audit_records"), before);
    sql::execute(&url, "DROP TRIGGER full_disk ON audit_records");
    assert_eq!(app.send(create()).await.status, 201);
}

/// Another connection holds SQLite's lock for longer than the wait, and releases it.
#[test]
fn locked_database_is_503_with_retry_after() {
    let database = TestDatabase::migrated(Backend::Sqlite);
    let path = database.url.strip_prefix("sqlite:").expect("a file").to_owned();
    let service = Service::on(database, settings(), "");
    let mut holder = sql::sqlite(&path);
    // What the start still writes is waited for.
    holder.batch_execute("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE").expect("the lock");
    assert_refused(&service.ask(&read()).expect("an answer"));
    holder.batch_execute("ROLLBACK").expect("it lets go");
    assert_eq!(service.ask(&read()).expect("an answer").status, 200);
}
