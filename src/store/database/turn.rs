//! Turns of the processes that write to one SQLite database: a server and the commands of an operator.
//!
//! SQLite's lock has no queue. A server under load commits without a pause and leaves the lock free for some 10 µs at a time,
//! which the attempts of another process, up to 100 ms apart, miss for seconds. So a process holds a second lock, that of a
//! file beside the database, while it waits for SQLite's. The present writer cannot begin again before a process that waits
//! there. A process that ends gives up both locks.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::result::Error as DieselError;

use crate::private::{WRITERS, open_lock_file};

/// How long a write waits for those of other processes.
const LONGEST: Duration = Duration::from_secs(5);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(1);

/// The file whose lock is the next turn.
#[derive(Debug)]
pub(crate) struct Turn(File);

impl Turn {
    /// Opens the file beside this database, and makes it where it is not there.
    pub(crate) fn beside(database: &Path) -> io::Result<Self> {
        open_lock_file(database, WRITERS).map(Self)
    }

    /// Begins a transaction that writes, after those that other processes have begun or wait for. `attempt` is one attempt to begin.
    ///
    /// # Errors
    ///
    /// "database is locked", when it takes too long; other errors of the attempt.
    pub(crate) fn begin(&self, mut attempt: impl FnMut() -> QueryResult<()>) -> QueryResult<()> {
        let end = Instant::now() + LONGEST;
        // A process can be halted while it holds the turn and not the database: then this one goes on without.
        while self.0.try_lock().is_err() && Instant::now() < end {
            thread::sleep(PAUSE);
        }
        let begun = loop {
            match attempt() {
                Err(error) if is_locked(&error) && Instant::now() < end => thread::sleep(PAUSE),
                result => break result,
            }
        };
        // The lock ends with the file, should this fail.
        drop(self.0.unlock());
        begun
    }
}

fn is_locked(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(_, detail) if detail.message() == "database is locked")
}
