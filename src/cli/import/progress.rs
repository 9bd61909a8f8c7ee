//! The progress display, and the rate limit.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::import::pipeline::Batch;
use crate::import::source::FilePosition;
use crate::import::tally::Tally;

/// The longest time until a signal is noticed during a wait.
const LOOK: Duration = Duration::from_millis(50);

/// A progress bar, if there is a terminal, and the rate limit.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    lines: u64,
    rate: Option<u32>,
}

impl Progress {
    /// Starts at a position in the file.
    pub(super) fn start(file: &Path, from: FilePosition, rate: Option<u32>) -> Self {
        let length = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
        // Nothing is shown where standard error is not a terminal.
        let bar = ProgressBar::new(length).with_position(from.bytes);
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left");
        bar.set_style(style.unwrap_or_else(|_wrong| ProgressStyle::default_bar()));
        bar.reset_eta();
        Self { bar, began: Instant::now(), lines: 0, rate }
    }

    /// Waits until so many more lines are within the rate, or the run is to stop.
    pub(super) fn pace(&mut self, lines: usize, stop: &AtomicBool) {
        if let Some(rate) = self.rate {
            let due = self.began + Duration::from_secs_f64(seconds(self.lines, rate));
            while !stop.load(Ordering::Relaxed) {
                let left = due.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                std::thread::sleep(left.min(LOOK));
            }
        }
        self.lines += u64::try_from(lines).unwrap_or_default();
    }

    /// Shows that a batch is complete.
    pub(super) fn advance<T>(&self, batch: &Batch<T>, tally: &Tally) {
        let milliseconds = self.began.elapsed().as_millis().max(1);
        let per_second = u128::from(self.lines) * 1000 / milliseconds;
        let created = tally.roles.created + tally.people.created;
        self.bar.set_message(format!(
            "{per_second} lines/s  {created} created, {} not imported",
            tally.left_out()
        ));
        self.bar.set_position(batch.end.bytes);
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// How long so many lines take at so many per second.
fn seconds(lines: u64, rate: u32) -> f64 {
    let lines = u32::try_from(lines).map_or(f64::from(u32::MAX), f64::from);
    lines / f64::from(rate)
}
