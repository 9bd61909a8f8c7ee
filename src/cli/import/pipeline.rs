//! One thread reads, some judge, the present one writes: each waits for the next when it is too far ahead, so that no
//! more than a few batches are in memory, however long the file.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::import::source::{Place, Raw, Source};

/// Lines that were judged together, and the place behind them.
pub(super) struct Batch<T> {
    pub(super) lines: Vec<T>,
    pub(super) end: Place,
}

/// Lines on their way to a judge, and where the judge hands them back.
type Job<T> = (Vec<Raw>, Place, SyncSender<Batch<T>>);

/// Why not every line was taken.
pub(super) enum Broken<E> {
    /// The file cannot be read on.
    Unreadable(io::Error),
    /// A judge has failed.
    Judge,
    /// Whoever takes the lines wants no more.
    Taker(E),
}

/// Reads a file to its end in batches, has its lines judged on so many threads, and gives each batch to `take`, in the
/// order of the file.
pub(super) fn run<T: Send, E>(
    mut source: Source,
    (batch, width): (usize, usize),
    judge: impl Fn(Raw) -> T + Sync,
    mut take: impl FnMut(Batch<T>) -> Result<(), E>,
) -> Result<(), Broken<E>> {
    let (to_judges, jobs) = sync_channel::<Job<T>>(width);
    let (in_order, judged) = sync_channel::<io::Result<Receiver<Batch<T>>>>(width + 1);
    let jobs = Mutex::new(jobs);
    thread::scope(|scope| {
        scope.spawn(move || read(&mut source, batch, &to_judges, &in_order));
        for _ in 0..width {
            scope.spawn(|| {
                while let Some((lines, end, back)) = next(&jobs) {
                    // Whoever waited for it may be gone.
                    let _gone = back.send(Batch { lines: lines.into_iter().map(&judge).collect(), end });
                }
            });
        }
        let taken = take_all(&judged, &mut take);
        // The reader waits for room in these: with them it ends, and then the judges do.
        drop(judged);
        while next(&jobs).is_some() {}
        taken
    })
}

fn next<T>(jobs: &Mutex<Receiver<Job<T>>>) -> Option<Job<T>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn take_all<T, E>(
    judged: &Receiver<io::Result<Receiver<Batch<T>>>>,
    take: &mut impl FnMut(Batch<T>) -> Result<(), E>,
) -> Result<(), Broken<E>> {
    while let Ok(next) = judged.recv() {
        let batch = next.map_err(Broken::Unreadable)?.recv().or(Err(Broken::Judge))?;
        take(batch).map_err(Broken::Taker)?;
    }
    Ok(())
}

fn read<T>(
    source: &mut Source,
    batch: usize,
    to_judges: &SyncSender<Job<T>>,
    in_order: &SyncSender<io::Result<Receiver<Batch<T>>>>,
) {
    loop {
        let (lines, end) = match source.read(batch) {
            Ok((lines, _)) if lines.is_empty() => return,
            Ok(read) => read,
            Err(error) => {
                let _gone = in_order.send(Err(error));
                return;
            }
        };
        let (back, judged) = sync_channel(1);
        if in_order.send(Ok(judged)).is_err() || to_judges.send((lines, end, back)).is_err() {
            return;
        }
    }
}
