//! Robustness: hostile clients, a full disk, a database that goes and comes back, clocks that jump, and
//! malformed input. `tests/hard` runs all of it in full and writes `docs/reliability.md`; the ordinary run
//! has less of everything.

mod away;
mod budgets;
mod clock;
mod disk;
mod framing;
mod fuzz;
mod network;
mod service;

use std::time::Duration;

/// Whether everything is to be tried in full.
fn is_full() -> bool {
    std::env::var("ONBEHALF_HARD").is_ok_and(|how| how == "full")
}

/// As many in an ordinary run, and as many in full.
fn scale(short: usize, full: usize) -> usize {
    if is_full() { full } else { short }
}

/// Reports a figure to its collector (`docs/reliability.py`).
fn measured(what: &str, figure: impl std::fmt::Display) {
    println!("\nmeasured | {what} | {figure}");
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
