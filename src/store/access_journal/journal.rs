//! The writing side: one segment at a time, and the thread that has the journal indexed.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::indexer::Indexer;
use super::segment::{SIZE, SegmentWriter, first_hash};
use crate::access_journal::tail::CatchUp as _;
use crate::audit::AuditRecord;
use crate::db::Manager;
use crate::private::{ACCESSES, beside};
use crate::tx::group::Group;
use base::error::Error;
use base::ids;

/// How long the thread waits after the database refused.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);

/// The access journal of a database, as one process writes it.
#[derive(Debug)]
pub(crate) struct AccessJournal {
    pub(crate) indexer: Arc<Indexer>,
    current: Mutex<Option<SegmentWriter>>,
    segments: Arc<Segments>,
    /// Tells the thread that there is something to index. It ends with this.
    wake: SyncSender<()>,
}

/// The segments that are not written to: the next one, and those whose last line is written.
#[derive(Debug, Default)]
struct Segments {
    next: Mutex<Option<SegmentWriter>>,
    full: Mutex<Vec<SegmentWriter>>,
}

impl AccessJournal {
    /// The journal of the database in this file. Nothing is made before the first access.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub(crate) fn open(
        database: &Path,
        readers: r2d2::Pool<Manager>,
        group: Group,
        index_after: Duration,
    ) -> Result<Self, Error> {
        let indexer = Arc::new(Indexer::new(beside(database, ACCESSES), readers, group));
        let segments = Arc::new(Segments::default());
        let (wake, woken) = mpsc::sync_channel(1);
        let own = (Arc::clone(&indexer), Arc::clone(&segments));
        let run = move || {
            while woken.recv().is_ok() && passes(index_after, &woken) {
                let (indexer, segments) = &own;
                while let Err(error) = segments.tidy(indexer).and_then(|()| indexer.catch_up()) {
                    tracing::warn!(cause = error.cause(), "the access journal cannot be indexed now");
                    if !passes(AFTER_REFUSAL, &woken) {
                        return;
                    }
                }
            }
        };
        thread::Builder::new().name("access-indexer".to_owned()).spawn(run).map_err(Error::fault)?;
        Ok(Self { indexer, current: Mutex::default(), segments, wake })
    }

    /// Removes the folder with all segments, when the database no longer knows of any.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        drop(self.current.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.segments.take_next());
        match fs::remove_dir_all(&self.indexer.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::fault(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Appends records to the journal. They are on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`](base::error::ErrorKind) where the disk or the database refuses. Then part of the records may be written.
    pub(crate) fn append(&self, records: &[AuditRecord]) -> Result<(), Error> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full) = current.take_if(|segment| segment.length >= SIZE) {
            self.segments.full.lock().unwrap_or_else(PoisonError::into_inner).push(full);
        }
        let mut segment = match current.take() {
            Some(segment) => segment,
            None => match self.segments.take_next() {
                Some(next) => next,
                None => begin(&self.indexer)?,
            },
        };
        // Dropped after an error: how much of it came to the disk is not known.
        segment.append(records).map_err(Error::busy)?;
        *current = Some(segment);
        // A full channel means that the thread is about to look.
        let _is_awake = self.wake.try_send(());
        Ok(())
    }
}

/// Waits so long; `false` where the journal has ended.
fn passes(time: Duration, woken: &Receiver<()>) -> bool {
    let end = Instant::now() + time;
    loop {
        match woken.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

impl Segments {
    fn take_next(&self) -> Option<SegmentWriter> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes the next segment while the present one is written to, and closes those that are full.
    fn tidy(&self, indexer: &Indexer) -> Result<(), Error> {
        let is_missing = self.next.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        if is_missing {
            let next = begin(indexer)?;
            *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
        }
        loop {
            let full = self.full.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(segment) = full else { return Ok(()) };
            let (id, length) = (segment.id.clone(), segment.length);
            let closed = indexer.write("close a segment", move |tx| tx.close_segment(&id, length));
            if closed.is_err() {
                self.full.lock().unwrap_or_else(PoisonError::into_inner).push(segment);
                return closed;
            }
        }
    }
}

/// Makes a segment: first its file, then its row, so that a row without a file means that the file was lost.
fn begin(indexer: &Indexer) -> Result<SegmentWriter, Error> {
    let id = ids::random_text::<32>(b"0123456789abcdef").map_err(Error::fault)?;
    if !indexer.folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(&indexer.folder).map_err(Error::busy)?;
    }
    let segment = SegmentWriter::create(&indexer.folder, &id).map_err(Error::busy)?;
    indexer.write("begin a segment", move |tx| tx.insert_segment(&id, &first_hash(&id)))?;
    Ok(segment)
}
