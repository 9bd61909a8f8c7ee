//! FHIR `date` and `dateTime`: a point in time with its precision.
//!
//! A value without a time of day is a whole day (month, year) in England: `Europe/London`, with summer time.
//! See <https://hl7.org/fhir/R4/datatypes.html#dateTime>.

use std::fmt;

use chrono::{DateTime, Datelike, FixedOffset, Months, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Europe::London;

/// A FHIR `dateTime`, kept as received, with the first and last millisecond that it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FhirDateTime {
    text: String,
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
}

/// The text is not a FHIR `dateTime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a FHIR dateTime (YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz)")]
pub struct NotADateTime;

impl FhirDateTime {
    /// Parses `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ss(.s…)` with `Z` or an offset.
    ///
    /// # Errors
    ///
    /// [`NotADateTime`] for anything else, and for days that do not exist.
    pub fn parse(text: &str) -> Result<Self, NotADateTime> {
        let (earliest, after) = match text.len() {
            4 => {
                let first = day(text, 1, 1)?;
                (midnight(first), first.checked_add_months(Months::new(12)).map(midnight))
            }
            7 => {
                let first = day(text, part(text, 4, '-', 5)?, 1)?;
                (midnight(first), first.checked_add_months(Months::new(1)).map(midnight))
            }
            10 => {
                let first = full_day(text)?;
                (midnight(first), first.succ_opt().map(midnight))
            }
            _ => {
                let instant = instant(text)?;
                (instant, None)
            }
        };
        let latest = after.map_or(earliest, |after| after - TimeDelta::milliseconds(1));
        Ok(Self { text: text.to_owned(), earliest, latest })
    }

    /// The instant in FHIR's format: UTC, milliseconds only where there are any.
    pub fn from_instant(at: DateTime<Utc>) -> Self {
        Self { text: render_instant(at), earliest: at, latest: at }
    }

    /// The value as received.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first millisecond covered.
    pub fn earliest(&self) -> DateTime<Utc> {
        self.earliest
    }

    /// The last millisecond covered: a day's end for a date, the instant itself for a time.
    pub fn latest(&self) -> DateTime<Utc> {
        self.latest
    }

    /// The last millisecond of the value's period at its own precision: as [`latest`](Self::latest), and for
    /// a time to the second, or to a fraction of it, the end of that.
    pub fn period_end(&self) -> DateTime<Utc> {
        // A leap second is the end of its minute already.
        if self.is_date() || self.text.get(17..19) == Some("60") {
            return self.latest;
        }
        let fraction = self.text.get(19..).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
        let rest = match fraction.bytes().take_while(u8::is_ascii_digit).count() {
            0 => 999,
            1 => 99,
            2 => 9,
            _ => 0,
        };
        self.latest + TimeDelta::milliseconds(rest)
    }

    /// The day `years` years after the last day covered; for 29 February, 1 March where there is none.
    pub fn years_later(&self, years: i32) -> Option<Self> {
        let last = self.last_day();
        let year = last.year().checked_add(years)?;
        let day = last.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1))?;
        Self::parse(&day.format("%F").to_string()).ok()
    }

    /// The last day covered, in England.
    pub fn last_day(&self) -> NaiveDate {
        self.latest.with_timezone(&London).date_naive()
    }

    /// Whether this is a FHIR `date`: a value with no time of day.
    pub fn is_date(&self) -> bool {
        self.text.len() <= 10
    }
}

impl fmt::Display for FhirDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Formats a FHIR `instant` in UTC.
pub fn render_instant(at: DateTime<Utc>) -> String {
    at.format(if at.timestamp_subsec_millis() == 0 { "%FT%TZ" } else { "%FT%T%.3fZ" }).to_string()
}

fn digits(text: &str) -> Result<u32, NotADateTime> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotADateTime);
    }
    text.parse().or(Err(NotADateTime))
}

/// The two digits that begin at `from`, after the separator at `at`.
fn part(text: &str, at: usize, separator: char, from: usize) -> Result<u32, NotADateTime> {
    if text.get(at..at + 1) != Some(separator.encode_utf8(&mut [0; 4])) {
        return Err(NotADateTime);
    }
    digits(text.get(from..from + 2).ok_or(NotADateTime)?)
}

fn day(text: &str, month: u32, day: u32) -> Result<NaiveDate, NotADateTime> {
    let year = digits(text.get(..4).ok_or(NotADateTime)?)?;
    let year = i32::try_from(year).or(Err(NotADateTime))?;
    NaiveDate::from_ymd_opt(year, month, day).filter(|day| day.year() > 0).ok_or(NotADateTime)
}

fn full_day(text: &str) -> Result<NaiveDate, NotADateTime> {
    day(text, part(text, 4, '-', 5)?, part(text, 7, '-', 8)?)
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    let local = day.and_time(chrono::NaiveTime::MIN);
    London.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |at| at.to_utc())
}

fn instant(text: &str) -> Result<DateTime<Utc>, NotADateTime> {
    let date = full_day(text.get(..10).ok_or(NotADateTime)?)?;
    let (hour, minute, second) =
        (part(text, 10, 'T', 11)?, part(text, 13, ':', 14)?, part(text, 16, ':', 17)?);
    let rest = text.get(19..).ok_or(NotADateTime)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or(NotADateTime)?;
            (rest.get(..end).filter(|digits| !digits.is_empty()).ok_or(NotADateTime)?, &rest[end..])
        }
        None => ("", rest),
    };
    // FHIR allows second 60: a leap second, which no clock here has. It is the end of that minute.
    let (second, millis) =
        if second == 60 { (59, 999) } else { (second, digits(&format!("{fraction:0<3}")[..3])?) };
    let local = date.and_hms_milli_opt(hour, minute, second, millis).ok_or(NotADateTime)?;
    offset(zone)?
        .from_local_datetime(&local)
        .single()
        .map(|at| at.to_utc())
        .filter(|at| (1..=9999).contains(&at.year()))
        .ok_or(NotADateTime)
}

fn offset(zone: &str) -> Result<FixedOffset, NotADateTime> {
    if zone == "Z" {
        return FixedOffset::east_opt(0).ok_or(NotADateTime);
    }
    let sign = match zone.get(..1) {
        Some("+") => 1,
        Some("-") => -1,
        _ => return Err(NotADateTime),
    };
    let hours = digits(zone.get(1..3).ok_or(NotADateTime)?)?;
    let minutes = part(zone, 3, ':', 4)?;
    if zone.len() != 6 || minutes > 59 || hours > 14 || (hours == 14 && minutes > 0) {
        return Err(NotADateTime);
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).or(Err(NotADateTime))?;
    FixedOffset::east_opt(sign * seconds).ok_or(NotADateTime)
}

/// Milliseconds since 1970, as both databases store a time.
pub fn to_millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// The instant of a database's milliseconds; 1970 for a number outside the calendar.
pub fn from_millis(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::UNIX_EPOCH)
}

/// Whether an instant lies between two others, which belong to the time between them; without one, that side is open.
pub fn is_within(start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>, at: DateTime<Utc>) -> bool {
    start.is_none_or(|start| start <= at) && end.is_none_or(|end| at <= end)
}

#[cfg(test)]
mod tests {
    use super::FhirDateTime;

    fn bounds(text: &str) -> (String, String) {
        let value = FhirDateTime::parse(text).unwrap();
        (super::render_instant(value.earliest()), super::render_instant(value.latest()))
    }

    #[test]
    fn a_date_covers_its_whole_day_in_england() {
        assert_eq!(bounds("2026-01-05"), ("2026-01-05T00:00:00Z".into(), "2026-01-05T23:59:59.999Z".into()));
        assert_eq!(bounds("2026-07-05"), ("2026-07-04T23:00:00Z".into(), "2026-07-05T22:59:59.999Z".into()));
        assert_eq!(bounds("2026-02"), ("2026-02-01T00:00:00Z".into(), "2026-02-28T23:59:59.999Z".into()));
        assert_eq!(bounds("2026"), ("2026-01-01T00:00:00Z".into(), "2026-12-31T23:59:59.999Z".into()));
    }

    #[test]
    fn a_time_is_that_instant_to_the_millisecond() {
        assert_eq!(bounds("2026-07-05T10:00:00+01:00").0, "2026-07-05T09:00:00Z");
        assert_eq!(
            bounds("2026-07-05T10:00:00.1239Z"),
            ("2026-07-05T10:00:00.123Z".into(), "2026-07-05T10:00:00.123Z".into())
        );
        assert_eq!(bounds("2026-06-30T23:59:60Z").1, "2026-06-30T23:59:59.999Z");
    }

    #[test]
    fn period_end_follows_the_written_precision() {
        for (text, end) in [
            ("2026-01", "2026-01-31T23:59:59.999Z"),
            ("2026-01-05", "2026-01-05T23:59:59.999Z"),
            ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00.999Z"),
            ("2026-01-05T10:00:00+01:00", "2026-01-05T09:00:00.999Z"),
            ("2026-01-05T10:00:00.1Z", "2026-01-05T10:00:00.199Z"),
            ("2026-01-05T10:00:00.12Z", "2026-01-05T10:00:00.129Z"),
            ("2026-01-05T10:00:00.123Z", "2026-01-05T10:00:00.123Z"),
            ("2026-01-05T10:00:00.1234Z", "2026-01-05T10:00:00.123Z"),
            ("2026-06-30T23:59:60Z", "2026-06-30T23:59:59.999Z"),
        ] {
            let value = FhirDateTime::parse(text).unwrap();
            assert_eq!(super::render_instant(value.period_end()), end, "{text}");
        }
    }

    #[test]
    fn invalid_date_time_is_rejected() {
        for text in [
            "",
            "26",
            "0000",
            "2026-13",
            "2026-02-30",
            "2026-1-5",
            "2026-01-05T10:00Z",
            "2026-01-05T10:00:00",
            "2026-01-05 10:00:00Z",
            "2026-01-05T24:00:00Z",
            "2026-01-05T10:00:00+15:00",
            "2026-01-05T10:00:00.Z",
            "2026-01-05T10:00:00Zx",
            "tomorrow",
            "２０２６",
            "2026-01-0é",
            "9999-12-31T23:59:59-14:00",
            "+202",
        ] {
            assert!(FhirDateTime::parse(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn the_last_day_of_the_calendar_is_a_day() {
        assert!(FhirDateTime::parse("9999-12-31").is_ok());
        assert!(FhirDateTime::parse("9999").is_ok());
    }
}
