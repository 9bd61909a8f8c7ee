//! Group commit: writes that come in while the disk is busy with a commit share the next one.
//!
//! SQLite has one writer at a time, and a durable commit waits for the disk. One thread therefore takes
//! whatever writes have come in meanwhile and runs them one after another in one transaction, each within a
//! savepoint: one that fails is undone by itself. Each is answered when the transaction is on disk, and not
//! before. Should that fail, all of it is undone and every caller is told to try again.
//!
//! PostgreSQL does the same by itself: its commits share a flush, and each writer has its own connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use diesel::RunQueryDsl as _;
use tokio::sync::{mpsc, oneshot};

use crate::audit::record::AuditRecord;
use crate::dialect::on_dialect;
use crate::sql::Sql;
use crate::tx::run::{TransactionMode, begin, run_in_transaction};
use crate::tx::transaction::Tx;
use crate::tx::write::Writer;
use base::error::Error;

/// The most writes of one commit: what is undone together should the disk be full.
const MOST: usize = 128;

/// Where writes queue. Cheap to clone; its thread ends with the last of its clones.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    queue: mpsc::UnboundedSender<Job>,
    /// How long a write waits for its turn.
    wait: Duration,
}

/// A write in the queue. A caller that stops waiting closes `turn`, and the write is left out.
struct Job {
    turn: oneshot::Sender<()>,
    work: Box<dyn Work>,
}

/// What a caller waits for: its turn, and its result.
type Waiting<R> = (oneshot::Receiver<()>, oneshot::Receiver<R>);

/// A write, and afterwards what came of it.
trait Work: Send {
    /// What it is, for the log.
    fn name(&self) -> &'static str;
    /// Runs it; whether what it did may be committed.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Sends the caller the result, or why the transaction was undone.
    fn answer(self: Box<Self>, undone: Option<&Error>);
}

struct Task<T, E, F> {
    name: &'static str,
    work: Option<F>,
    result: Option<Result<T, E>>,
    waiting: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Work for Task<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        self.result = self.work.take().map(|work| work(tx));
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, undone: Option<&Error>) {
        let result = match (undone, self.result) {
            (Some(why), _) => Err(why.duplicate().into()),
            (None, Some(result)) => result,
            // It panicked: the caller learns of it because the channel closes.
            (None, None) => return,
        };
        // A client that disconnected does not receive it.
        drop(self.waiting.send(result));
    }
}

impl Group {
    /// Starts the thread that writes.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub(crate) fn start(writer: Writer, wait: Duration) -> Result<Self, Error> {
        let (queue, mut waiting) = mpsc::unbounded_channel::<Job>();
        let run = move || {
            while let Some(first) = waiting.blocking_recv() {
                let mut works = Vec::new();
                let mut next = Some(first);
                while let Some(job) = next {
                    // Who has stopped waiting was told that nothing happened.
                    if job.turn.send(()).is_ok() {
                        works.push(job.work);
                    }
                    next = if works.len() < MOST { waiting.try_recv().ok() } else { None };
                }
                if !works.is_empty() {
                    run_together(&writer, works);
                }
            }
        };
        thread::Builder::new().name("store-writer".to_owned()).spawn(run).map_err(Error::fault)?;
        Ok(Self { queue, wait })
    }

    /// Runs `work` with whatever else is to be written, and waits until that is on disk.
    ///
    /// # Errors
    ///
    /// Those of `work`; [`ErrorKind::Busy`](base::error::ErrorKind) when its turn does not come in time, or the commit
    /// fails: then nothing of it happened.
    pub(crate) async fn write<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (mut has_turn, result) = self.send(name, work)?;
        if tokio::time::timeout(self.wait, &mut has_turn).await.is_err() {
            has_turn.close();
            if has_turn.try_recv().is_err() {
                return Err(Error::busy("the database was busy writing for too long").into());
            }
        }
        result.await.or(Err(stopped()))?
    }

    /// As [`Group::write`], for a thread that may wait as long as it takes.
    pub(crate) fn write_here<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (_has_turn, result) = self.send(name, work)?;
        result.blocking_recv().or(Err(stopped()))?
    }

    fn send<T, E, F>(&self, name: &'static str, work: F) -> Result<Waiting<Result<T, E>>, Error>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (turn, has_turn) = oneshot::channel();
        let (waiting, result) = oneshot::channel();
        let work = Box::new(Task { name, work: Some(work), result: None, waiting });
        self.queue.send(Job { turn, work }).or(Err(Error::busy("the thread that writes is gone")))?;
        Ok((has_turn, result))
    }
}

fn stopped() -> Error {
    Error::fault("a write stopped without a result")
}

/// Runs all in one transaction and tells each what came of it.
fn run_together(writer: &Writer, mut works: Vec<Box<dyn Work>>) {
    // An error is about the transaction as a whole; without one there was nothing to commit.
    let ended = begin(&writer.pool, TransactionMode::Write).map_err(Some).and_then(|pooled| {
        run_in_transaction(pooled, &writer.published, |tx| run_each(tx, writer, &mut works))
    });
    let undone = ended.err().flatten();
    for work in works {
        work.answer(undone.as_ref());
    }
}

/// Runs each within a savepoint, and leaves the audit records of all that succeeded to be written. `Err(None)` where
/// none did.
fn run_each(tx: &mut Tx<'_>, writer: &Writer, works: &mut [Box<dyn Work>]) -> Result<(), Option<Error>> {
    // A transaction of one needs no savepoint: it is undone as a whole.
    let is_alone = works.len() == 1;
    let control = |tx: &mut Tx<'_>, statement: &'static str| {
        if is_alone {
            return Ok(());
        }
        // Prepared once for the connection.
        on_dialect!(tx.db, c => Sql::fixed(statement).execute(c)).map(drop).map_err(Error::from)
    };
    let mut records: Vec<AuditRecord> = Vec::new();
    let mut has_changed = false;
    let mut has_published = false;
    for work in works {
        control(tx, "SAVEPOINT work")?;
        tx.has_published = false;
        tx.most = None;
        let run = AssertUnwindSafe(|| writer.watch(work.name(), || work.run(tx)));
        let is_done = catch_unwind(run).unwrap_or_else(|_panic| {
            tracing::error!("a write panicked; the others go on");
            false
        });
        let mut pending = std::mem::take(&mut tx.pending);
        if is_done {
            records.append(&mut pending);
            has_published |= tx.has_published;
            has_changed = true;
        }
        let rolled_back = if is_done { Ok(()) } else { control(tx, "ROLLBACK TO work") };
        let ended = rolled_back.and_then(|()| control(tx, "RELEASE work"));
        // A statement that writes and is interrupted at its deadline takes the whole transaction back, savepoints and
        // all: the others are to try again.
        ended.map_err(|error| if is_done { error } else { Error::busy(error) })?;
    }
    tx.has_published = has_published;
    tx.pending = records;
    if has_changed { Ok(()) } else { Err(None) }
}
