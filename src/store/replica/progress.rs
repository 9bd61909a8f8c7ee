//! The state known of the primary, of writers, and of the replica.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The most writers that are remembered one by one.
const MOST_WRITERS: usize = 100_000;

/// The state known of the primary, of writers, and of the replica.
#[derive(Debug, Default)]
pub(super) struct ReplicaProgress {
    /// The oldest first.
    marks: VecDeque<Mark>,
    writers: HashMap<String, Instant>,
    /// Set where there were too many writers to remember each: all count as having written then.
    all_wrote: Option<Instant>,
    /// Until when the replica is not asked.
    pub(super) rests_until: Option<Instant>,
}

/// The position of the primary's log at this time or a little after it.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) at: Instant,
    pub(super) position: String,
}

impl ReplicaProgress {
    /// The position that the replica must have reached for this reader; `None` where none is known, or it is
    /// paused.
    pub(super) fn needed(&self, reader: &str, most_lag: Duration, now: Instant) -> Option<String> {
        if self.rests_until.is_some_and(|until| now < until) {
            return None;
        }
        let wrote = self.writers.get(reader).copied().max(self.all_wrote);
        let since = now.checked_sub(most_lag).max(wrote)?;
        self.marks.iter().find(|mark| mark.at >= since).map(|mark| mark.position.clone())
    }

    /// Records that this reader has written.
    pub(super) fn wrote(&mut self, reader: &str, now: Instant) {
        if self.writers.len() >= MOST_WRITERS {
            self.writers.clear();
            self.all_wrote = Some(now);
        }
        self.writers.insert(reader.to_owned(), now);
    }

    /// Keeps a mark, and drops those that no read can need.
    pub(super) fn keep(&mut self, mark: Mark, most_lag: Duration) {
        let Some(old) = mark.at.checked_sub(most_lag) else { return };
        self.marks.retain(|mark| mark.at >= old);
        self.writers.retain(|_, wrote| *wrote >= old);
        self.marks.push_back(mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_millis(400);

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn replica_read_requires_a_mark_within_max_lag_and_after_the_last_write() {
        let start = Instant::now() + Duration::from_secs(3600);
        let mut progress = ReplicaProgress::default();
        assert_eq!(progress.needed("one", LAG, start), None, "nothing is known of the primary");
        for millis in [0, 100, 200, 300] {
            progress.keep(Mark { at: at(start, millis), position: format!("0/{millis}") }, LAG);
        }
        assert_eq!(progress.needed("one", LAG, at(start, 350)).as_deref(), Some("0/0"));
        assert_eq!(progress.needed("one", LAG, at(start, 550)).as_deref(), Some("0/200"));
        assert_eq!(
            progress.needed("one", LAG, at(start, 701)),
            None,
            "the youngest mark is older than the bound"
        );
        progress.wrote("one", at(start, 150));
        assert_eq!(progress.needed("one", LAG, at(start, 350)).as_deref(), Some("0/200"));
        assert_eq!(progress.needed("two", LAG, at(start, 350)).as_deref(), Some("0/0"));
        progress.wrote("one", at(start, 310));
        assert_eq!(progress.needed("one", LAG, at(start, 350)), None, "no mark is younger than the write");
        progress.all_wrote = Some(at(start, 250));
        assert_eq!(progress.needed("two", LAG, at(start, 350)).as_deref(), Some("0/300"));
        progress.rests_until = Some(at(start, 400));
        assert_eq!(progress.needed("two", LAG, at(start, 350)), None);
    }

    #[test]
    fn too_many_writers_count_as_all_written() {
        let start = Instant::now() + Duration::from_secs(3600);
        let mut progress = ReplicaProgress::default();
        for number in 0..=MOST_WRITERS {
            progress.wrote(&number.to_string(), start);
        }
        progress.keep(Mark { at: at(start, 0), position: "0/1".to_owned() }, LAG);
        assert_eq!(progress.writers.len(), 1);
        assert_eq!(progress.all_wrote, Some(start));
    }

    #[test]
    fn unneeded_replica_marks_are_dropped() {
        let start = Instant::now() + Duration::from_secs(3600);
        let mut progress = ReplicaProgress::default();
        progress.wrote("one", start);
        progress.keep(Mark { at: start, position: "0/1".to_owned() }, LAG);
        progress.keep(Mark { at: at(start, 401), position: "0/2".to_owned() }, LAG);
        assert_eq!((progress.marks.len(), progress.writers.len()), (1, 0));
    }
}
