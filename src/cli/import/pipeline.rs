//! One thread reads, some validate, the present one writes. Each waits when it is too far ahead, so that at
//! most a few batches are in memory, however long the file is.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::import::source::{FilePosition, Raw, Source};

/// Lines that were validated together, and the position after them.
pub(super) struct Batch<T> {
    pub(super) lines: Vec<T>,
    pub(super) end: FilePosition,
}

/// Lines to be validated, and the channel for the results.
type Job<T> = (Vec<Raw>, FilePosition, SyncSender<Batch<T>>);

/// Why not every line was processed.
pub(super) enum Broken<E> {
    /// The file cannot be read further.
    Unreadable(io::Error),
    /// A validating thread has failed.
    Judge,
    /// The consumer of the lines has failed.
    Taker(E),
}

/// Reads a file to its end in batches, validates its lines on so many threads, and passes each batch to
/// `take`, in the order of the file.
pub(super) fn run<T: Send, E>(
    mut source: Source,
    (batch, width): (usize, usize),
    validate: impl Fn(Raw) -> T + Sync,
    mut take: impl FnMut(Batch<T>) -> Result<(), E>,
) -> Result<(), Broken<E>> {
    let (to_validators, jobs) = sync_channel::<Job<T>>(width);
    let (in_order, validated) = sync_channel::<io::Result<Receiver<Batch<T>>>>(width + 1);
    let jobs = Mutex::new(jobs);
    thread::scope(|scope| {
        scope.spawn(move || read(&mut source, batch, &to_validators, &in_order));
        for _ in 0..width {
            scope.spawn(|| {
                while let Some((lines, end, back)) = next(&jobs) {
                    // The receiver may have been dropped.
                    let _gone = back.send(Batch { lines: lines.into_iter().map(&validate).collect(), end });
                }
            });
        }
        let taken = take_all(&validated, &mut take);
        // The reader waits for capacity in these: dropping them ends it, and then the validating threads.
        drop(validated);
        while next(&jobs).is_some() {}
        taken
    })
}

fn next<T>(jobs: &Mutex<Receiver<Job<T>>>) -> Option<Job<T>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn take_all<T, E>(
    validated: &Receiver<io::Result<Receiver<Batch<T>>>>,
    take: &mut impl FnMut(Batch<T>) -> Result<(), E>,
) -> Result<(), Broken<E>> {
    while let Ok(next) = validated.recv() {
        let batch = next.map_err(Broken::Unreadable)?.recv().or(Err(Broken::Judge))?;
        take(batch).map_err(Broken::Taker)?;
    }
    Ok(())
}

fn read<T>(
    source: &mut Source,
    batch: usize,
    to_validators: &SyncSender<Job<T>>,
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
        let (back, validated) = sync_channel(1);
        if in_order.send(Ok(validated)).is_err() || to_validators.send((lines, end, back)).is_err() {
            return;
        }
    }
}
