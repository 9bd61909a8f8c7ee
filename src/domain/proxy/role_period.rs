//! The period of a role. Both ends are inclusive.

use chrono::{DateTime, Utc};

use base::date_time::FhirDateTime;

/// The period of a role; an absent end is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolePeriod {
    /// The first day or instant.
    pub start: Option<FhirDateTime>,
    /// The last day or instant: the role still works on it.
    pub end: Option<FhirDateTime>,
}

/// Why an end is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEnd {
    /// It lies before the start.
    #[error("the end lies before the start")]
    BeforeStart,
    /// It has passed.
    #[error("the end has passed")]
    Passed,
}

impl RolePeriod {
    /// Whether the end has passed: the first millisecond after the last that it covers has begun.
    pub fn has_ended(&self, now: DateTime<Utc>) -> bool {
        self.end.as_ref().is_some_and(|end| end.latest() < now)
    }

    /// Checks a requested end: not before the start, and not passed.
    ///
    /// # Errors
    ///
    /// [`BadEnd`], the first rule that is broken.
    pub fn check_end(&self, now: DateTime<Utc>) -> Result<(), BadEnd> {
        let Some(end) = &self.end else { return Ok(()) };
        match &self.start {
            Some(start) if end.latest() < start.earliest() => Err(BadEnd::BeforeStart),
            _ if self.has_ended(now) => Err(BadEnd::Passed),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BadEnd, RolePeriod};
    use base::date_time::FhirDateTime;
    use chrono::{DateTime, Utc};

    fn period(start: Option<&str>, end: Option<&str>) -> RolePeriod {
        let parse = |text: &str| FhirDateTime::parse(text).unwrap();
        RolePeriod { start: start.map(parse), end: end.map(parse) }
    }

    fn at(text: &str) -> DateTime<Utc> {
        FhirDateTime::parse(text).unwrap().earliest()
    }

    #[test]
    fn role_is_active_on_its_end_date_in_england() {
        let summer = period(None, Some("2026-07-05"));
        assert!(!summer.has_ended(at("2026-07-05T22:59:59.999Z")));
        assert!(summer.has_ended(at("2026-07-05T23:00:00Z")));
    }

    #[test]
    fn role_with_an_end_instant_is_active_until_that_instant() {
        let period = period(None, Some("2026-07-05T10:00:00Z"));
        assert!(!period.has_ended(at("2026-07-05T10:00:00Z")));
        assert!(period.has_ended(at("2026-07-05T10:00:00.001Z")));
    }

    #[test]
    fn role_without_an_end_never_ends() {
        assert!(!period(Some("2020"), None).has_ended(at("9999-12-31")));
    }

    #[test]
    fn an_end_may_be_the_day_of_the_start_but_not_before_it() {
        let now = at("2026-01-01");
        assert_eq!(period(Some("2026-03-02"), Some("2026-03-02")).check_end(now), Ok(()));
        assert_eq!(period(Some("2026-03-02T10:00:00Z"), Some("2026-03-02")).check_end(now), Ok(()));
        assert_eq!(period(Some("2026-03-02"), Some("2026-03-01")).check_end(now), Err(BadEnd::BeforeStart));
        assert_eq!(period(None, Some("2025-12-31")).check_end(now), Err(BadEnd::Passed));
        assert_eq!(period(None, Some("2026-01-01")).check_end(now), Ok(()));
        assert_eq!(period(Some("2026"), None).check_end(now), Ok(()));
    }
}
