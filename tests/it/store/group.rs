//! Writes that share a commit: each is answered when it is on disk, and none affects another.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use base::error::{Error, ErrorKind};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use rstest::rstest;
use store::{Store, Tx};

use crate::support::{Backend, TestDatabase, sql};

const MANY: usize = 60;

/// Writes one row, and then does as `then` says.
async fn write(
    store: &Store,
    name: String,
    then: impl FnOnce() -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    store
        .write(move |tx| {
            assert!(tx.insert_if_unused(&name, DateTime::<Utc>::MAX_UTC - chrono::TimeDelta::days(1))?);
            then()
        })
        .await
}

fn rows(database: &TestDatabase) -> Vec<String> {
    let mut rows = sql::values(&database.url, "SELECT digest AS value FROM seen_once");
    rows.sort();
    rows
}

#[actix_web::test]
async fn writes_that_wait_at_the_same_time_share_a_commit() {
    let database = TestDatabase::migrated(Backend::Sqlite);
    let store = database.open();
    let before = store.statements();
    write(&store, "alone".to_owned(), || Ok(())).await.unwrap();
    let alone = store.statements() - before;

    let before = store.statements();
    let all = join_all((0..MANY).map(|at| write(&store, format!("{at:03}"), || Ok(())))).await;
    assert!(all.iter().all(Result::is_ok));
    let together = store.statements() - before;
    assert_eq!(rows(&database).len(), MANY + 1);
    // Alone: begin, select, insert, commit. Together a savepoint and its release replace begin and commit,
    // and the transaction's own are recognised by being fewer than the writes: a few at the most.
    let savepoints = u64::try_from(MANY).unwrap() * alone;
    assert!(together < savepoints + 20, "{together} statements for {MANY} writes, {alone} for one");
}

#[rstest]
#[actix_web::test]
async fn failed_write_of_a_group_is_rolled_back_alone(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::migrated(backend);
    let store = database.open();
    let all = join_all((0..MANY).map(|at| {
        write(&store, format!("{at:03}"), move || match at % 3 {
            0 => Ok(()),
            1 => Err(Error::new(ErrorKind::Unprocessable, "not this one")),
            _ => panic!("a fault of ours"),
        })
    }))
    .await;

    for (at, result) in all.into_iter().enumerate() {
        match at % 3 {
            0 => result.unwrap(),
            1 => assert_eq!(result.unwrap_err().kind(), ErrorKind::Unprocessable),
            _ => assert_eq!(result.unwrap_err().kind(), ErrorKind::Fault),
        }
    }
    let expected: Vec<String> = (0..MANY).step_by(3).map(|at| format!("{at:03}")).collect();
    assert_eq!(rows(&database), expected);
    write(&store, "afterwards".to_owned(), || Ok(())).await.unwrap();
}

#[actix_web::test]
async fn write_answered_busy_is_never_committed_later() {
    let database = TestDatabase::migrated(Backend::Sqlite);
    let store = database.open_to_wait(Duration::from_millis(200));
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let slow = write(&store, "slow".to_owned(), move || held.recv().map_err(Error::fault));
    let late = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let refused = write(&store, "late".to_owned(), || Ok(())).await;
        let_go.send(()).unwrap();
        refused
    };
    let (slow, late) = futures_util::future::join(slow, late).await;
    slow.unwrap();
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Busy);
    write(&store, "next".to_owned(), || Ok(())).await.unwrap();
    assert_eq!(rows(&database), ["next", "slow"]);
}

#[actix_web::test]
async fn failed_group_commit_is_503_for_every_write() {
    let database = TestDatabase::migrated(Backend::Sqlite);
    let store = database.open_to_wait(Duration::from_millis(200));
    // A writer of another process that does not let go stands in for a disk that takes nothing.
    let path = database.url.strip_prefix("sqlite:").unwrap().to_owned();
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let (has_begun, begun) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        use diesel::connection::SimpleConnection as _;
        let mut connection = sql::sqlite(&path);
        connection.batch_execute("BEGIN IMMEDIATE").unwrap();
        has_begun.send(()).unwrap();
        held.recv().unwrap();
        connection.batch_execute("ROLLBACK").unwrap();
    });
    begun.recv().unwrap();
    let all = join_all((0..3).map(|at| write(&store, format!("{at}"), || Ok(())))).await;
    assert!(all.into_iter().all(|result| result.unwrap_err().kind() == ErrorKind::Busy));
    let_go.send(()).unwrap();
    other.join().unwrap();
    write(&store, "afterwards".to_owned(), || Ok(())).await.unwrap();
    assert_eq!(rows(&database), ["afterwards"]);
}

#[rstest]
#[actix_web::test]
async fn a_write_that_holds_the_database_for_more_than_two_seconds_is_counted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::migrated(backend);
    let store = database.open();
    write(&store, "short".to_owned(), || Ok(())).await.unwrap();
    assert_eq!(store.long_writes(), 0);
    let sleep = || {
        std::thread::sleep(Duration::from_millis(2050));
        Ok(())
    };
    write(&store, "long".to_owned(), sleep).await.unwrap();
    assert_eq!(store.long_writes(), 1);
    let again = move |_tx: &mut Tx<'_>| sleep();
    store.write_again("a test", again).await.unwrap();
    assert_eq!(store.long_writes(), 2);
    let here = store.clone();
    std::thread::spawn(move || here.write_here(again).unwrap()).join().unwrap();
    assert_eq!(store.long_writes(), 3);
}

/// FAULT-17: two transactions that each hold what the other needs. PostgreSQL aborts one of them, and it is
/// repeated.
#[actix_web::test]
async fn deadlock_victim_is_retried() {
    let database = TestDatabase::migrated(Backend::Postgres);
    let store = database.open();
    let both_hold_one = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicUsize::new(0));
    let transaction = |first: &'static str, second: &'static str| {
        let (both_hold_one, runs) = (Arc::clone(&both_hold_one), Arc::clone(&runs));
        let mut is_first_run = true;
        let name = format!("{first}{second}");
        store.write_again("a test", move |tx| {
            runs.fetch_add(1, Ordering::SeqCst);
            tx.lock_condition(first)?;
            if std::mem::take(&mut is_first_run) {
                both_hold_one.wait();
            }
            tx.lock_condition(second)?;
            tx.insert_if_unused(&name, DateTime::<Utc>::MAX_UTC - chrono::TimeDelta::days(1))?;
            Ok::<_, Error>(())
        })
    };
    let (one, other) = futures_util::future::join(transaction("a", "b"), transaction("b", "a")).await;
    one.unwrap();
    other.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 3, "one of the two was run twice");
    assert_eq!(rows(&database), ["ab", "ba"]);
}

/// A command that writes while a server commits without a pause: each waits for the present write of the other, and not for
/// the other to be idle.
#[test]
fn two_processes_that_write_to_sqlite_take_turns() {
    const WRITES: usize = 60;
    let database = TestDatabase::migrated(Backend::Sqlite);
    let stores: Vec<Store> = (0..3).map(|_| database.open()).collect();
    let order = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for (number, store) in stores.iter().enumerate() {
            let order = &order;
            scope.spawn(move || {
                for _ in 0..WRITES {
                    let write = store.write_here(|_: &mut Tx<'_>| {
                        order.lock().expect("no panic").push(number);
                        std::thread::sleep(Duration::from_millis(3));
                        Ok::<_, Error>(())
                    });
                    write.expect("its turn comes");
                }
            });
        }
    });
    let order = order.into_inner().expect("no panic");
    let changes = order.iter().zip(order.iter().skip(1)).filter(|(one, next)| one != next).count();
    assert!(changes > order.len() / 2, "{changes} changes of turn among {} writes", order.len());
}
