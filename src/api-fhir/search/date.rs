//! Date parameters (<https://hl7.org/fhir/R4/search.html#date>): a prefix and a value of any precision. The
//! value and the compared element are both ranges of time. A time without a zone is in England's local time.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Europe::London;

use crate::context::Context;
use crate::refusal::Refusal;
use crate::search::param::{Param, SearchTarget};
use crate::search::query::bad;
use base::date_time::{FhirDateTime, to_millis};
use store::search::{Field, Filter, Is};

/// The relation of the two ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Sa,
    Eb,
    Ap,
}

const PREFIXES: [(&str, Prefix); 9] = [
    ("eq", Prefix::Eq),
    ("ne", Prefix::Ne),
    ("gt", Prefix::Gt),
    ("lt", Prefix::Lt),
    ("ge", Prefix::Ge),
    ("le", Prefix::Le),
    ("sa", Prefix::Sa),
    ("eb", Prefix::Eb),
    ("ap", Prefix::Ap),
];

/// The prefix, and the rest; without a prefix, equality.
pub(super) fn prefixed(value: &str) -> (Prefix, &str) {
    let known = PREFIXES.iter().find_map(|(text, prefix)| Some((*prefix, value.strip_prefix(text)?)));
    known.unwrap_or((Prefix::Eq, value))
}

/// A parsed value: the prefix, and the first and last millisecond.
pub(super) fn parse(value: &str, context: &Context) -> Result<(Prefix, i64, i64), Refusal> {
    let (prefix, text) = prefixed(value);
    // An unencoded `+` of a zone arrives as a space (S-25).
    let text = text.replace(' ', "+");
    let (earliest, latest) = read(&text).ok_or_else(|| {
        bad("Give a date such as 2026-11-22, optionally with the prefix eq, ne, gt, lt, ge, le, sa, eb or ap.")
    })?;
    // A caller may poll by `gt` and the time of its last result, which this server writes without a zero
    // fraction. Such a caller expects later events of the same second too.
    let is_point = matches!(prefix, Prefix::Gt | Prefix::Sa) && latest - earliest < TimeDelta::seconds(1);
    let (from, to) = (to_millis(earliest), to_millis(if is_point { earliest } else { latest }));
    if prefix != Prefix::Ap {
        return Ok((prefix, from, to));
    }
    // Approximately: a tenth of the distance from now, on both sides.
    let distance = (context.now() - earliest).abs().max(TimeDelta::days(1)).num_milliseconds() / 10;
    Ok((prefix, from - distance, to + distance))
}

/// The range of a value, by its precision. Search values may lack the seconds, or the zone, unlike FHIR's
/// data type.
fn read(text: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    if let Ok(date) = FhirDateTime::parse(text) {
        return Some((date.earliest(), date.period_end()));
    }
    let has_minutes = |time: &str| time.as_bytes().get(13) == Some(&b':');
    let (time, zone) = text.split_at_checked(16).filter(|(time, _)| has_minutes(time))?;
    let (seconds, zone) = match zone.strip_prefix(':') {
        Some(rest) => {
            let end = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
            (Some(rest.get(..end)?), rest.get(end..)?)
        }
        None => (None, zone),
    };
    let written = format!("{time}:{}", seconds.unwrap_or("00"));
    let zone = match zone {
        "" => london_offset(&written)?,
        zone => zone.to_owned(),
    };
    let date = FhirDateTime::parse(&format!("{written}{zone}")).ok()?;
    let minute_end = || date.earliest() + TimeDelta::milliseconds(59_999);
    Some((date.earliest(), if seconds.is_none() { minute_end() } else { date.period_end() }))
}

/// The offset of England's local time.
fn london_offset(written: &str) -> Option<String> {
    let local: NaiveDateTime = written.parse().ok()?;
    Some(London.from_local_datetime(&local).earliest()?.format("%:z").to_string())
}

/// The filter of one alternative.
pub(super) fn filter(
    param: &Param,
    modifier: Option<&str>,
    value: &str,
    context: &Context,
) -> Result<Filter, Refusal> {
    if modifier.is_some() {
        return Err(bad("A date parameter supports only the modifier missing."));
    }
    let (prefix, low, high) = parse(value, context)?;
    let SearchTarget::Date(from, to) = param.target else { return Ok(Filter::NOTHING) };
    Ok(compare(from, to, prefix, low, high))
}

fn compare(from: Field, to: Field, prefix: Prefix, low: i64, high: i64) -> Filter {
    let starts = |is, at| Filter::number(from, is, at);
    let ends = |is, at| Filter::number(to, is, at);
    // An open start is before everything, an open end after everything; but one of the two must exist.
    let is_there = || Filter::All(vec![Filter::Null(from), Filter::Null(to)]).negated();
    let before =
        |is, at| Filter::Any(vec![starts(is, at), Filter::All(vec![Filter::Null(from), is_there()])]);
    let after = |is, at| Filter::Any(vec![ends(is, at), Filter::All(vec![Filter::Null(to), is_there()])]);
    // A range that ends in time has begun in time: added so that an index on the start is scanned between two
    // bounds.
    let within =
        || Filter::All(vec![starts(Is::AtLeast, low), starts(Is::AtMost, high), ends(Is::AtMost, high)]);
    match prefix {
        Prefix::Eq => within(),
        Prefix::Ne => Filter::All(vec![within().negated(), is_there()]),
        Prefix::Gt => after(Is::More, high),
        Prefix::Lt => before(Is::Less, low),
        Prefix::Ge => after(Is::AtLeast, low),
        Prefix::Le => before(Is::AtMost, high),
        Prefix::Sa => starts(Is::More, high),
        Prefix::Eb => ends(Is::Less, low),
        Prefix::Ap => Filter::All(vec![before(Is::AtMost, high), after(Is::AtLeast, low)]),
    }
}
