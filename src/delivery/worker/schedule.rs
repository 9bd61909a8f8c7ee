//! The retry schedule of failed attempts.

use chrono::TimeDelta;

/// The delay after so many failures in a row: that of the schedule, up to a fifth shorter or longer by
/// `chance` (0 to 255), so that subscribers which failed together are not called together; or the
/// subscriber's `Retry-After`, if that is longer, but no more than `most`. `None` when the schedule is used
/// up.
pub(super) fn next_delay(
    schedule: &[TimeDelta],
    failures: i64,
    chance: u8,
    asked: Option<TimeDelta>,
    most: TimeDelta,
) -> Option<TimeDelta> {
    let wait = schedule.get(usize::try_from(failures.checked_sub(1)?).ok()?)?;
    let permille = 800 + 400 * i64::from(chance) / 255;
    let wait = TimeDelta::milliseconds(wait.num_milliseconds().saturating_mul(permille) / 1000);
    Some(asked.map_or(wait, |asked| wait.max(asked.min(most))))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::next_delay;

    // covers N-25
    #[test]
    fn retry_delays_follow_the_schedule_with_jitter_and_retry_after_is_clamped() {
        let schedule = [10, 100].map(TimeDelta::seconds);
        let most = TimeDelta::seconds(60);
        let delay = |failures, chance, asked: Option<i64>| {
            next_delay(&schedule, failures, chance, asked.map(TimeDelta::seconds), most)
                .map(|delay| delay.num_milliseconds())
        };
        assert_eq!(delay(1, 0, None), Some(8_000));
        assert_eq!(delay(1, 255, None), Some(12_000));
        assert_eq!(delay(2, 128, None), Some(100_000));
        assert_eq!((delay(3, 0, None), delay(0, 0, None)), (None, None));
        assert_eq!(delay(1, 0, Some(30)), Some(30_000));
        assert_eq!(delay(1, 0, Some(3_600_000_000)), Some(60_000));
        assert_eq!(delay(2, 0, Some(30)), Some(80_000));
        assert_eq!(delay(1, 0, Some(-5)), Some(8_000));
        assert_eq!(delay(3, 0, Some(30)), None);
    }
}
