//! No request is answered without its audit record, and records are written in batches.

use std::fs;

use base::error::ErrorKind;
use chrono::DateTime;
use domain::account::{Caller, Principal};
use domain::audit::{Access, Act, Actor, Interaction};
use futures_util::future::{join, join_all};
use rstest::rstest;
use service::journal::Journal;

use super::{Trail, url_of};
use crate::fhir::client;
use crate::support::{Backend, TestApp, TestDatabase, bodies, sql};
use crate::vrs::known::{LONER, MOTHERS_ROLE, PATIENTS, PROXY};

const MANY: usize = 64;

fn access() -> Access {
    let caller = Caller::direct(Principal::System { name: "record system".to_owned() });
    Access::new(Act::Access(Interaction::SearchType), Actor::of(&caller), DateTime::UNIX_EPOCH).of("Consent")
}

#[rstest]
#[actix_web::test]
async fn concurrent_accesses_are_audited_in_few_transactions(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::migrated(backend);
    let store = database.open();
    let journal = Journal::start(store.clone());
    journal.record(vec![access()]).await.expect("it is written");
    let before = store.statements();
    let written = join_all((0..MANY).map(|_| journal.record(vec![access()]))).await;
    assert!(written.iter().all(Result::is_ok));
    let cost = store.statements() - before;
    assert!(cost <= 40, "{cost} statements for {MANY} accesses");
    let records = "SELECT CAST(count(*) AS TEXT) AS value FROM audit_records";
    assert_eq!(sql::number(&database.url, records), i64::try_from(MANY + 1).expect("a number"));
    assert_eq!(store.read_here(|tx| tx.verify_audit(&[])).expect("it answers"), []);
}

/// On PostgreSQL a batch is one message, though other processes add to the same chains, and changes lock them.
#[test]
fn accesses_are_one_statement_and_processes_do_not_lose_each_others() {
    let database = TestDatabase::migrated(Backend::Postgres);
    let (processes, batches) = (3_i64, 200_i64);
    let alone = database.open();
    alone.record_accesses(&[&access()]).expect("it finds a chain");
    let before = alone.statements();
    for _ in 0..10 {
        alone.record_accesses(&[&access(), &access(), &access()]).expect("it is written");
    }
    assert_eq!(alone.statements() - before, 10);
    std::thread::scope(|scope| {
        for _ in 0..processes {
            let store = database.open();
            scope.spawn(move || {
                for _ in 0..batches {
                    store.record_accesses(&[&access(), &access()]).expect("it is written");
                }
            });
        }
        // Changes, each in its own transaction, on whichever chain is free.
        scope.spawn(|| {
            for _ in 0..batches {
                alone.write_here(|tx| tx.record_access(&access())).expect("it is written");
            }
        });
    });
    let records = "SELECT CAST(count(*) AS TEXT) AS value FROM audit_records";
    assert_eq!(sql::number(&database.url, records), 1 + 30 + processes * batches * 2 + batches);
    assert_eq!(database.open().read_here(|tx| tx.verify_audit(&[])).expect("it answers"), []);
}

/// A Bundle of ten thousand entries would keep the writer for tenths of a second.
#[rstest]
#[actix_web::test]
async fn large_request_audit_does_not_delay_that_of_another(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::migrated(backend);
    let store = database.open();
    let journal = Journal::start(store.clone());
    let records = "SELECT CAST(count(*) AS TEXT) AS value FROM audit_records";
    let long = journal.record(vec![access(); 10_000]);
    let short = async {
        journal.record(vec![access()]).await.expect("it is written");
        sql::number(&database.url, records)
    };
    let (long, written_by_then) = join(long, short).await;
    long.expect("all are written");
    assert!(written_by_then < 1000, "{written_by_then} were written before the one");
    assert_eq!(sql::number(&database.url, records), 10_001);
    assert_eq!(store.read_here(|tx| tx.verify_audit(&[])).expect("it answers"), []);
}

#[rstest]
#[actix_web::test]
async fn read_is_503_when_its_audit_record_cannot_be_written(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let url = url_of(&app);
    let (role, pair) = (format!("/Consent/{MOTHERS_ROLE}"), format!("/Consent?performer:identifier={PROXY}"));
    // Where accesses are recorded, and where changes are.
    let accesses: &[&str] = match backend {
        Backend::Sqlite => &["-accesses"],
        Backend::Postgres => &["audit_records", "audit_chains"],
    };
    for broken in accesses {
        hide(&url, broken);
        for path in [&role, &pair] {
            let answer = app.get(path).await;
            assert_eq!(answer.status, 503, "{broken}: {path}");
            assert!(!String::from_utf8_lossy(&answer.body).contains(PATIENTS[0]));
        }
        let unknown = "/Consent/a0922245-1072-40c3-8f4e-a7490c10d365";
        for path in [role.as_str(), "/Consent?status=active", "/Patient", unknown, "/_history"] {
            let answer = app.send(client::get(path)).await;
            assert_eq!(answer.status, 503, "{broken}: {path}");
            assert_eq!(answer.json()["resourceType"], "OperationOutcome");
        }
        show(&url, broken);
        assert_eq!(app.get(&role).await.status, 200);
    }
    for broken in ["audit_records", "audit_chains"] {
        sql::execute(&url, &format!("ALTER TABLE {broken} RENAME TO gone"));
        assert!(app.post("/Consent", bodies::consent(LONER, PATIENTS[0])).await.status >= 500);
        sql::execute(&url, &format!("ALTER TABLE gone RENAME TO {broken}"));
    }
    assert_eq!(app.get(&role).await.status, 200);
    let roles = format!("SELECT CAST(count(*) AS TEXT) AS value FROM roles WHERE proxy = '{LONER}'");
    assert_eq!(sql::number(&url, &roles), 0);
}

/// Takes away where accesses are recorded: on SQLite a file stands where the folder of the journal is to be.
fn hide(url: &str, place: &str) {
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let folder = format!("{path}{place}");
            drop(fs::rename(&folder, format!("{folder}.kept")));
            fs::write(folder, "").expect("a file");
        }
        None => sql::execute(url, &format!("ALTER TABLE {place} RENAME TO gone")),
    }
}

/// Brings back what [`hide`] took away.
fn show(url: &str, place: &str) {
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let folder = format!("{path}{place}");
            fs::remove_file(&folder).expect("it is there");
            drop(fs::rename(format!("{folder}.kept"), folder));
        }
        None => sql::execute(url, &format!("ALTER TABLE gone RENAME TO {place}")),
    }
}

/// On SQLite an access is text in a file, which refuses none.
#[actix_web::test]
async fn failed_audit_insert_does_not_affect_other_accesses() {
    let backend = Backend::Postgres;
    let database = TestDatabase::migrated(backend);
    let store = database.open();
    let journal = Journal::start(store.clone());
    // No query can be made like this; only a field that is set past the methods.
    let refused = "poison";
    sql::execute(&database.url, "ALTER TABLE audit_records ADD CONSTRAINT picky CHECK (query <> 'poison')");
    let all = (0..8).map(|number| {
        let mut access = access();
        if number == 3 {
            access.query = Some(refused.to_owned());
        }
        journal.record(vec![access])
    });
    let written = join_all(all).await;
    let kinds: Vec<_> =
        written.iter().map(|result| result.as_ref().err().map(base::error::Error::kind)).collect();
    let expected: Vec<_> = (0..8).map(|number| (number == 3).then_some(ErrorKind::Busy)).collect();
    assert_eq!(kinds, expected);
    assert_eq!(store.read_here(|tx| tx.verify_audit(&[])).expect("it answers"), []);
}

#[rstest]
#[actix_web::test]
async fn the_chain_holds_after_many_reads_and_writes_at_the_same_time(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut trail = Trail::of(&app);
    let read = format!("/Consent/{MOTHERS_ROLE}");
    let reads = join_all((0..MANY).map(|_| app.get(&read)));
    let people = crate::support::seed::nhs_numbers(MANY);
    let now = app.now();
    let known = people.clone();
    let added: Result<(), base::error::Error> = app
        .store
        .write(move |tx| {
            for number in &known {
                let person = domain::person::Person {
                    died_at: None,
                    version: 1,
                    updated_at: now,
                    nhs_number: crate::vrs::callers::number(number),
                    standing: domain::person::Standing::Current,
                    names: Vec::new(),
                    birth_date: None,
                    practice: None,
                };
                tx.insert_person_if_new(&person, now)?;
            }
            Ok(())
        })
        .await;
    added.expect("the database obeys");
    let writes = join_all(people.iter().map(|patient| app.post("/Consent", bodies::consent(LONER, patient))));
    let (reads, writes) = futures_util::future::join(reads, writes).await;
    assert!(reads.iter().all(|answer| answer.status == 200));
    let created = writes.iter().filter(|answer| answer.status == 201).count();
    assert!(created > MANY / 2, "{created}");
    assert_eq!(trail.grown().len(), 2 * MANY);
    assert_eq!(app.look(|tx| tx.verify_audit(&[])).await, []);
    if backend == Backend::Sqlite {
        let heads = app
            .look(|tx| {
                let heads = tx.list_audit_heads()?;
                Ok(heads)
            })
            .await;
        assert_eq!(heads.iter().filter(|head| head.sequence > 0).count(), 1);
    }
}
