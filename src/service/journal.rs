//! The journal: accesses are written down together, each before it is answered.
//!
//! A durable write for every read would cost more than the read. So one thread writes whatever has come in
//! while it wrote the last batch, together ([`Store::record_accesses`]), and every request waits until its batch is on the disk. What
//! cannot be written is not answered: a queue that is full, or a database that refuses, is a 503.
//!
//! A Bundle of a thousand entries is a thousand accesses. They are written in portions, each in a batch of its own turn, so
//! that the requests that come meanwhile wait for a portion and not for the whole.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use base::error::{Error, ErrorKind};
use domain::audit::Access;
use store::Store;

/// The most requests that wait to be written down.
const WAITING: usize = 4096;
/// The most requests of one batch.
const MOST: usize = 256;
/// The most accesses of one request that are written in one batch.
const PORTION: usize = 32;
/// How long a batch waits for as many requests as the one before it had, and how long at a time.
const PATIENCE: Duration = Duration::from_micros(500);
/// Every so many batches one waits for twice as many: callers fall into two halves, each of which comes back while the other
/// is written down, and would stay so.
const PROBE: u64 = 8;
const NAP: Duration = Duration::from_micros(50);

/// Where accesses are written down. Cheap to clone; the thread ends with the last of its clones.
#[derive(Clone, Debug)]
pub struct Journal {
    queue: mpsc::Sender<Entry>,
}

/// The accesses of one request, and who waits for them.
#[derive(Debug)]
struct Entry {
    accesses: Vec<Access>,
    written: oneshot::Sender<Result<(), Error>>,
}

impl Journal {
    /// Starts the thread that writes.
    pub fn start(store: Store) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let writer = thread::Builder::new().name("journal".to_owned());
        // Without the thread nothing is taken from the queue, and every request is refused.
        if let Err(error) = writer.spawn(move || write_all(&store, waiting)) {
            tracing::error!(%error, "the journal cannot be written: no thread");
        }
        Self { queue }
    }

    /// Writes accesses down; when this returns, they are on disk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`] when that is not possible now. Then the request must not be answered, though the first of many accesses
    /// may have been written.
    pub async fn record(&self, mut accesses: Vec<Access>) -> Result<(), Error> {
        while accesses.len() > PORTION {
            let rest = accesses.split_off(PORTION);
            self.record_portion(accesses).await?;
            accesses = rest;
        }
        if accesses.is_empty() { Ok(()) } else { self.record_portion(accesses).await }
    }

    async fn record_portion(&self, accesses: Vec<Access>) -> Result<(), Error> {
        let (written, done) = oneshot::channel();
        let entry = Entry { accesses, written };
        self.queue
            .try_send(entry)
            .or(Err(Error::busy("the journal's queue is full, or its thread is gone")))?;
        let result = done.await.or(Err(Error::busy("the journal's thread is gone")))?;
        result.map_err(|error| if error.kind() == ErrorKind::Busy { error } else { Error::busy(error) })
    }
}

fn write_all(store: &Store, mut waiting: mpsc::Receiver<Entry>) {
    let mut expected = 1;
    for turn in 1_u64.. {
        let Some(first) = waiting.blocking_recv() else { return };
        let hoped = if turn.is_multiple_of(PROBE) { 2 * expected } else { expected };
        let batch = gather(first, &mut waiting, hoped);
        expected = batch.len().max(expected * 3 / 4);
        // A panic would end the journal, and with it the service. The callers that wait learn of it because their channel closes.
        if catch_unwind(AssertUnwindSafe(|| write(store, batch))).is_err() {
            tracing::error!("the journal's thread panicked and goes on");
        }
    }
}

/// Takes what is waiting. Callers that ask again as soon as they are answered come back at nearly the same time: to wait a
/// moment for as many as were answered together the last time costs them less than a commit for each half of them. A
/// caller who is alone is not kept.
fn gather(first: Entry, waiting: &mut mpsc::Receiver<Entry>, expected: usize) -> Vec<Entry> {
    let started = Instant::now();
    let mut batch = vec![first];
    loop {
        while let (true, Ok(entry)) = (batch.len() < MOST, waiting.try_recv()) {
            batch.push(entry);
        }
        if batch.len() >= expected || started.elapsed() >= PATIENCE {
            return batch;
        }
        thread::sleep(NAP);
    }
}

fn write(store: &Store, batch: Vec<Entry>) {
    let (accesses, waiting): (Vec<Vec<Access>>, Vec<_>) =
        batch.into_iter().map(|entry| (entry.accesses, entry.written)).unzip();
    let written = store.record_accesses(&accesses.iter().flatten().collect::<Vec<_>>());
    match written {
        Ok(()) => waiting.into_iter().for_each(|waiting| tell(waiting, Ok(()))),
        // Should one entry be what the database refuses, the others need not suffer.
        Err(error) if error.kind() != ErrorKind::Busy && waiting.len() > 1 => {
            for (accesses, waiting) in accesses.iter().zip(waiting) {
                tell(waiting, store.record_accesses(&accesses.iter().collect::<Vec<_>>()));
            }
        }
        Err(error) => {
            let cause = error.cause();
            for waiting in waiting {
                let why = format!("the journal was not written: {}: {cause}", error.message());
                tell(waiting, Err(Error::busy(why)));
            }
        }
    }
}

/// Sends the result; a client that disconnected does not receive it.
fn tell(waiting: oneshot::Sender<Result<(), Error>>, result: Result<(), Error>) {
    drop(waiting.send(result));
}
