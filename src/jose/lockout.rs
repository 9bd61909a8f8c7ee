//! Lock-out against guessing client secrets: after too many wrong secrets a client must wait.
//!
//! Only secrets are counted: a signature cannot be guessed, and counting invalid ones would let anyone lock
//! out a client that has a key. In memory: each process counts for itself.
//!
//! The rule is a sliding window, so a rate limiter with a refill (`governor`) does not fit: it would allow
//! one more guess every six seconds, where here the eleventh waits until the first is a minute old.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// How many wrong secrets are allowed within the window.
const ALLOWED: usize = 10;
/// The window, which is also the time that a client waits.
const WINDOW: TimeDelta = TimeDelta::seconds(60);
/// How long an entry is kept after its last wrong secret, by the cache's own clock: longer than the window,
/// which is measured by the stored times.
const KEPT: Duration = Duration::from_secs(120);
/// The most entries: some 30 MB.
const MAX: u64 = 65_536;

/// The wrong secrets of the last minute, by `client_id` and address. Only registered clients are counted.
#[derive(Debug)]
pub struct Lockout(Cache<String, Arc<[DateTime<Utc>]>>);

impl Default for Lockout {
    fn default() -> Self {
        // The least recently used entry is evicted. The cache's default policy would not admit a new name
        // while the cache is full of more frequent ones: that name could guess without end.
        let cache = Cache::builder().max_capacity(MAX).time_to_live(KEPT);
        Self(cache.eviction_policy(EvictionPolicy::lru()).build())
    }
}

impl Lockout {
    /// Whether a secret may be tried.
    ///
    /// # Errors
    ///
    /// How long to wait, after too many wrong ones.
    pub fn check(&self, name: &str, now: DateTime<Utc>) -> Result<(), Duration> {
        let Some(times) = self.0.get(name) else { return Ok(()) };
        let mut recent = times.iter().filter(|at| now - **at < WINDOW);
        let first = recent.next().copied();
        match first {
            Some(first) if recent.count() + 1 >= ALLOWED => {
                Err((first + WINDOW - now).to_std().unwrap_or_default())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Counts a wrong secret.
    pub fn count(&self, name: &str, now: DateTime<Utc>) {
        self.0.entry_by_ref(name).and_upsert_with(|entry| {
            let times = entry.map(moka::Entry::into_value).unwrap_or_default();
            // Requests that were checked at the same moment may exceed the limit: the latest are kept.
            let surplus = (times.len() + 1).saturating_sub(ALLOWED);
            let recent = times.iter().skip(surplus).filter(|at| now - **at < WINDOW);
            recent.copied().chain([now]).collect()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, Lockout, MAX};
    use chrono::{DateTime, TimeDelta, Utc};
    use std::time::Duration;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn lockout_after_failed_attempts_lasts_until_the_first_is_a_minute_old() {
        let lockout = Lockout::default();
        for guess in 0..ALLOWED {
            assert_eq!(lockout.check("app", at(0) + TimeDelta::milliseconds(1)), Ok(()), "{guess}");
            lockout.count("app", at(0));
        }
        assert_eq!(lockout.check("app", at(20)), Err(Duration::from_secs(40)));
        assert_eq!(lockout.check("other", at(20)), Ok(()));
        assert_eq!(lockout.check("app", at(60)), Ok(()));
    }

    #[test]
    fn the_window_slides_and_a_name_keeps_no_more_than_the_allowed_number() {
        let lockout = Lockout::default();
        for second in 0..30 {
            lockout.count("app", at(second));
        }
        assert_eq!(lockout.0.get("app").unwrap().len(), ALLOWED);
        assert_eq!(lockout.check("app", at(30)), Err(Duration::from_secs(50)), "the tenth last was at 20");
        assert_eq!(lockout.check("app", at(79)), Err(Duration::from_secs(1)));
        assert_eq!(lockout.check("app", at(80)), Ok(()));
        lockout.count("app", at(80));
        assert!(lockout.check("app", at(80)).is_err(), "ten within a minute again");
        assert_eq!(lockout.check("app", at(81)), Ok(()));
    }

    /// Many names neither use unbounded memory nor let the next name guess without end.
    #[test]
    fn many_names_stay_within_the_bound_and_the_next_name_is_still_locked_out() {
        let lockout = Lockout::default();
        for name in 0..MAX + 2000 {
            let name = name.to_string();
            assert_eq!(lockout.check(&name, at(0)), Ok(()));
            lockout.count(&name, at(0));
        }
        for _ in 0..ALLOWED {
            lockout.count("next", at(0));
        }
        lockout.0.run_pending_tasks();
        assert!(lockout.0.entry_count() <= MAX);
        assert!(lockout.check("next", at(0)).is_err());
    }
}
