use std::ffi::{CStr, c_int};
use std::ptr;
use std::time::{Duration, Instant};

use libsqlite3_sys as ffi;

use super::Deadline;

/// A connection to a database in memory.
struct Connection(*mut ffi::sqlite3);

impl Connection {
    fn open() -> Self {
        let mut handle = ptr::null_mut();
        // SAFETY: the path is a C string, and the handle is a local variable of this function.
        let code = unsafe { ffi::sqlite3_open(c":memory:".as_ptr(), &raw mut handle) };
        assert_eq!(code, ffi::SQLITE_OK);
        Self(handle)
    }

    fn run(&self, sql: &CStr) -> c_int {
        // SAFETY: the connection is open, the text is a C string, and no callback is passed.
        unsafe { ffi::sqlite3_exec(self.0, sql.as_ptr(), None, ptr::null_mut(), ptr::null_mut()) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the connection is open, and this is its only owner.
        let code = unsafe { ffi::sqlite3_close(self.0) };
        assert_eq!(code, ffi::SQLITE_OK);
    }
}

const ENDLESS: &CStr =
    c"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";
const THOUSAND: &CStr =
    c"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) SELECT COUNT(*) FROM n";
const HUNDRED_THOUSAND: &CStr =
    c"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT COUNT(*) FROM n";

#[test]
fn statement_past_its_deadline_is_interrupted_and_the_connection_goes_on() {
    let deadline = Deadline::new(Duration::from_millis(50));
    let (connection, is_watched) = deadline.watch(Connection::open);
    assert!(is_watched);
    for _ in 0..2 {
        deadline.begin();
        let begun = Instant::now();
        assert_eq!(connection.run(ENDLESS), ffi::SQLITE_INTERRUPT);
        assert!((50..5000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        deadline.begin();
        assert_eq!(connection.run(THOUSAND), ffi::SQLITE_OK);
    }
}

#[test]
fn interrupted_read_leaves_its_transaction_and_interrupted_write_rolls_it_back() {
    let deadline = Deadline::new(Duration::from_millis(20));
    let (connection, _) = deadline.watch(Connection::open);
    assert_eq!(connection.run(c"CREATE TABLE t (i); BEGIN; INSERT INTO t VALUES (1)"), ffi::SQLITE_OK);
    deadline.begin();
    assert_eq!(connection.run(ENDLESS), ffi::SQLITE_INTERRUPT);
    deadline.begin();
    assert_eq!(connection.run(c"COMMIT; BEGIN"), ffi::SQLITE_OK);
    deadline.begin();
    let write =
        c"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO t SELECT i FROM n";
    assert_eq!(connection.run(write), ffi::SQLITE_INTERRUPT);
    deadline.begin();
    assert_eq!(connection.run(c"COMMIT"), ffi::SQLITE_ERROR, "the transaction is over already");
}

#[test]
fn lifted_deadline_and_another_connection_are_not_watched() {
    let deadline = Deadline::new(Duration::ZERO);
    let (watched, _) = deadline.watch(Connection::open);
    let other = Connection::open();
    deadline.begin();
    assert_eq!(watched.run(HUNDRED_THOUSAND), ffi::SQLITE_INTERRUPT);
    assert_eq!(other.run(HUNDRED_THOUSAND), ffi::SQLITE_OK);
    deadline.lift();
    assert_eq!(watched.run(HUNDRED_THOUSAND), ffi::SQLITE_OK);
    let ((), is_watched) = deadline.watch(|| ());
    assert!(!is_watched);
    assert_eq!(Connection::open().run(HUNDRED_THOUSAND), ffi::SQLITE_OK, "nothing is left over");
}

#[test]
fn deadline_is_freed_with_its_connection() {
    let deadline = Deadline::new(Duration::from_secs(1));
    let (connection, _) = deadline.watch(Connection::open);
    assert_eq!(std::sync::Arc::strong_count(&deadline.0), 2);
    drop(connection);
    assert_eq!(std::sync::Arc::strong_count(&deadline.0), 1);
}

/// Measures the cost of a deadline: `cargo test -p sqlite-deadline --release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn deadline_check_is_cheap() {
    let deadline = Deadline::new(Duration::from_secs(5));
    let (watched, _) = deadline.watch(Connection::open);
    let plain = Connection::open();
    let time = |connection: &Connection, sql: &CStr, times: u32| {
        let begun = Instant::now();
        for _ in 0..times {
            deadline.begin();
            connection.run(sql);
        }
        begun.elapsed() / times
    };
    for (name, sql, times) in [("long", HUNDRED_THOUSAND, 50), ("short", c"SELECT 1", 500_000)] {
        for round in 0..3 {
            let (plain, watched) = (time(&plain, sql, times), time(&watched, sql, times));
            println!("{name} {round}: unwatched {plain:?}, watched {watched:?}");
        }
    }
}
