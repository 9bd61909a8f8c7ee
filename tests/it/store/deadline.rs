//! A statement past its deadline is ended, on both databases, and its connection goes on.

use std::time::{Duration, Instant};

use base::error::{Error, ErrorKind};
use chrono::{DateTime, Utc};
use rstest::rstest;
use store::search::{Filter, PageQuery, Table, Visibility};
use store::{Store, Tx};
use uuid::Uuid;

use crate::fhir::client::{get, send, send_well};
use crate::support::{Backend, Options, TestApp, TestDatabase, sql};
use crate::vrs::known::ACTIVE;

const DEADLINE: Duration = Duration::from_millis(300);

/// Puts a view in place of the table of roles that takes for ever to answer: a recursive CTE counts without end.
const SLOW: &str = "ALTER TABLE roles RENAME TO kept_roles; \
    CREATE VIEW roles AS SELECT kept_roles.* FROM kept_roles WHERE (WITH RECURSIVE n(i) AS \
    (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT COUNT(*) FROM n WHERE i % 7 = 0) > 0;";
const QUICK: &str = "DROP VIEW roles; ALTER TABLE kept_roles RENAME TO roles;";

fn search(tx: &mut Tx<'_>) -> Result<usize, Error> {
    let (table, filter) = (Table::Roles, Filter::EVERYTHING);
    let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: 10 };
    Ok(tx.search(&query, Visibility::Everything)?.len())
}

#[rstest]
#[actix_web::test]
async fn search_past_its_deadline_is_422_too_costly_and_the_next_one_is_answered(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let options = Options { statement_deadline: DEADLINE, ..Options::default() };
    let app = TestApp::start(backend, options).await;
    sql::execute(&app.database_url(), SLOW);
    for path in ["/Consent", "/Consent?_summary=count", "/Patient?_has:Consent:patient:status=active"] {
        let begun = Instant::now();
        let answer = send(&app, get(path)).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{path}: {:?}", begun.elapsed());
        let body = answer.json();
        assert_eq!((answer.status, &body["issue"][0]["code"]), (422, &"too-costly".into()), "{path}: {body}");
        let text = body["issue"][0]["diagnostics"].as_str().expect("a sentence");
        assert!(text.contains("Narrow it"), "{text}");
    }
    sql::execute(&app.database_url(), QUICK);
    for _ in 0..10 {
        send_well(&app, get("/Consent"), 200).await;
    }
}

#[rstest]
#[actix_web::test]
async fn statement_past_its_deadline_undoes_its_transaction_and_leaves_the_connection_usable(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let options = Options { statement_deadline: DEADLINE, ..Options::default() };
    let app = TestApp::start(backend, options).await;
    let (store, url) = (&app.store, app.database_url());
    sql::execute(&url, SLOW);
    let late: Result<usize, Error> = store.write_here(|tx| {
        tx.insert_setting("late", "1")?;
        search(tx)
    });
    assert_eq!(late.expect_err("it is ended").kind(), ErrorKind::TooCostly);
    // A statement that is not composed of what a caller asks for is late because the service is busy.
    let role = Uuid::parse_str(ACTIVE).expect("an id");
    let busy: Result<bool, Error> = store.write_here(|tx| Ok(tx.find_role(role)?.is_some()));
    assert_eq!(busy.expect_err("it is ended").kind(), ErrorKind::Busy);
    for at in 0..5 {
        let written: Result<(), Error> =
            store.write_here(|tx| tx.insert_setting(&format!("after {at}"), "1"));
        written.expect("the connection goes on");
    }
    let names = sql::values(&url, "SELECT name AS value FROM settings ORDER BY name");
    assert!(!names.contains(&"late".to_owned()), "{names:?}");
    assert_eq!(names.iter().filter(|name| name.starts_with("after")).count(), 5);
}

/// The long work of the command line has no deadline.
#[rstest]
#[actix_web::test]
async fn store_without_a_deadline_lets_a_statement_take_as_long_as_it_takes(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::start(backend, Options::default()).await;
    sql::execute(&app.database_url(), &SLOW.replace("2000000000", "1000000"));
    let open = |deadline| app.database.open_for(Duration::from_secs(5), deadline);
    let ended = open(Some(Duration::from_millis(20))).read_here(search);
    assert_eq!(ended.expect_err("it is ended").kind(), ErrorKind::TooCostly);
    assert!(open(None).read_here(search).expect("it comes to its end") > 0);
}

/// On SQLite a statement that writes and is interrupted rolls back all that share its commit.
#[actix_web::test]
async fn interrupted_write_of_a_group_is_busy_for_each_and_nothing_of_them_is_kept() {
    let database = TestDatabase::migrated(Backend::Sqlite);
    let store = database.open_for(Duration::from_secs(20), Some(DEADLINE));
    let slow = "CREATE TRIGGER slow BEFORE INSERT ON seen_once WHEN NEW.digest = 'slow' BEGIN \
        SELECT COUNT(*) FROM (WITH RECURSIVE n(i) AS \
        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT i FROM n); END;";
    sql::execute(&database.url, slow);
    let write = async |store: &Store, name: String| -> Result<bool, Error> {
        let until = DateTime::<Utc>::MAX_UTC - chrono::TimeDelta::days(1);
        store.write(move |tx| tx.insert_if_unused(&name, until)).await
    };
    let names = (0..20).map(|at| if at == 10 { "slow".to_owned() } else { format!("{at}") });
    let all = futures_util::future::join_all(names.map(|name| write(&store, name))).await;
    for (at, result) in all.iter().enumerate() {
        match result {
            Ok(is_new) => assert!(*is_new && at != 10, "{at}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{at}: {}", error.cause()),
        }
    }
    let kept = sql::number(&database.url, "SELECT CAST(COUNT(*) AS TEXT) AS value FROM seen_once");
    let answered = all.iter().filter(|result| result.is_ok()).count();
    assert_eq!(usize::try_from(kept).unwrap(), answered, "what was answered is there, and nothing else");
    for at in 0..5 {
        assert!(write(&store, format!("again {at}")).await.expect("the writer goes on"));
    }
}
