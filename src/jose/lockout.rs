//! Against guessing: who has shown wrong secrets too often must wait.
//!
//! Only secrets are counted: a signature is not guessed, and whoever counts wrong ones lets anybody lock an
//! app out that has a key. In memory: each process counts for itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// How many wrong secrets are allowed within the window.
const ALLOWED: usize = 10;
/// The window, and how long one waits.
const WINDOW: TimeDelta = TimeDelta::seconds(60);
/// From how many names on those are forgotten who have not guessed lately.
const MAX: usize = 10_000;

/// The wrong secrets of the last minute, by `client_id` and address. Only apps that there are come here.
#[derive(Debug, Default)]
pub struct Lockout(Mutex<HashMap<String, Vec<DateTime<Utc>>>>);

impl Lockout {
    /// Whether somebody may try.
    ///
    /// # Errors
    ///
    /// How long to wait, when they have guessed too often.
    pub fn check(&self, name: &str, now: DateTime<Utc>) -> Result<(), Duration> {
        let wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = wrong.get(name) else { return Ok(()) };
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
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() >= MAX {
            wrong.retain(|_, times| times.last().is_some_and(|at| now - *at < WINDOW));
        }
        let times = wrong.entry(name.to_owned()).or_default();
        times.retain(|at| now - *at < WINDOW);
        times.push(now);
    }
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, Lockout};
    use chrono::{DateTime, TimeDelta};
    use std::time::Duration;

    #[test]
    fn whoever_guesses_too_often_waits_until_the_first_guess_is_a_minute_old() {
        let lockout = Lockout::default();
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        for guess in 0..ALLOWED {
            assert_eq!(lockout.check("app", at(0) + TimeDelta::milliseconds(1)), Ok(()), "{guess}");
            lockout.count("app", at(0));
        }
        assert_eq!(lockout.check("app", at(20)), Err(Duration::from_secs(40)));
        assert_eq!(lockout.check("other", at(20)), Ok(()));
        assert_eq!(lockout.check("app", at(60)), Ok(()));
    }
}
