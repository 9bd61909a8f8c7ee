//! Waiting: looking again and again until something is so, with a deadline.

use std::time::{Duration, Instant};

/// How long a test waits for what another process does.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Looks until there is something to see. Fails, saying what was waited for, when patience ends.
pub fn poll<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
