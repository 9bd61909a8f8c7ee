//! Uri parameters (<https://hl7.org/fhir/R4/search.html#uri>): exact and case-sensitive.

use crate::refusal::Refusal;
use crate::search::param::{Param, SearchTarget};
use crate::search::query::bad;
use store::search::{Datum, Field, Filter, Is};

/// The filter of one alternative. A canonical may be followed by `|version` (S-22).
pub(super) fn filter(param: &Param, modifier: Option<&str>, value: &str) -> Result<Filter, Refusal> {
    if !matches!(modifier, None | Some("below" | "above")) {
        return Err(bad("A uri parameter supports the modifiers above, below and missing."));
    }
    if let SearchTarget::Constant(values) = param.target {
        return Ok(Filter::constant(values.iter().any(|(_, known)| matches(modifier, known, value))));
    }
    let SearchTarget::Uri(field) = param.target else { return Ok(Filter::NOTHING) };
    Ok(match modifier {
        Some("below") => below(field, value),
        Some(_) => Filter::OneOf(field, above(value)),
        None => Filter::Any(vec![Filter::text(field, value), versioned(field, value)]),
    })
}

/// Whether the URI of a definition matches. A canonical may be followed by `|version`.
pub(super) fn matches(modifier: Option<&str>, uri: &str, wanted: &str) -> bool {
    match modifier {
        Some("below") => is_below(uri, wanted),
        Some("above") => is_below(wanted, uri),
        Some(_) => false,
        None => uri == wanted || uri.split_once('|').is_some_and(|(unversioned, _)| unversioned == wanted),
    }
}

fn is_below(url: &str, base: &str) -> bool {
    let base = base.trim_end_matches('/');
    url.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn below(field: Field, base: &str) -> Filter {
    let base = base.trim_end_matches('/');
    Filter::Any(vec![
        Filter::text(field, base),
        Filter::All(vec![
            Filter::Compare(field, Is::AtLeast, Datum::Text(format!("{base}/"))),
            Filter::Compare(field, Is::Less, Datum::Text(format!("{base}0"))),
        ]),
    ])
}

/// The URL and its parents.
fn above(url: &str) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    let mut rest = url;
    while let Some((start, _)) = rest.rsplit_once('/').filter(|(start, _)| !start.ends_with('/')) {
        all.push(start.to_owned());
        rest = start;
    }
    all
}

/// A stored canonical with a version, where the value has none.
fn versioned(field: Field, value: &str) -> Filter {
    if value.contains('|') {
        return Filter::NOTHING;
    }
    Filter::All(vec![
        Filter::Compare(field, Is::AtLeast, Datum::Text(format!("{value}|"))),
        Filter::Compare(field, Is::Less, Datum::Text(format!("{value}}}"))),
    ])
}
