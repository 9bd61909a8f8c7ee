//! Equality and order of items (<https://hl7.org/fhirpath/N1/#equality>,
//! <https://hl7.org/fhirpath/N1/#comparison>).

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::fault::FhirPathFault;
use super::item::Item;
use base::date_time::FhirDateTime;

/// The truth of a collection: an empty one is unknown, one boolean is itself, one other item is true.
pub(super) fn truth(items: &[Item<'_>]) -> Result<Option<bool>, FhirPathFault> {
    match items {
        [] => Ok(None),
        [one] => match one.value.as_deref() {
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            _ => Ok(Some(true)),
        },
        _ => Err(FhirPathFault::NotSingle),
    }
}

/// Whether two collections hold the same, in the same order; unknown when one is empty.
pub(super) fn equal(left: &[Item<'_>], right: &[Item<'_>]) -> Option<bool> {
    if left.is_empty() || right.is_empty() {
        return None;
    }
    Some(left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right)))
}

/// Whether two collections hold the same in any order, letters in any case; two empty ones do.
pub(super) fn equivalent(left: &[Item<'_>], right: &[Item<'_>]) -> bool {
    let alike = |a: &Item<'_>, b: &Item<'_>| match (a.text(), b.text()) {
        (Some(a), Some(b)) => a.to_lowercase() == b.to_lowercase(),
        _ => same(a, b),
    };
    left.len() == right.len() && left.iter().all(|a| right.iter().any(|b| alike(a, b)))
}

/// Whether two items are equal.
pub(super) fn same(left: &Item<'_>, right: &Item<'_>) -> bool {
    match (left.value.as_deref(), right.value.as_deref()) {
        (Some(left), Some(right)) => same_value(left, right) || same_instant(left, right),
        (None, None) => left.beside == right.beside,
        _ => false,
    }
}

/// Whether two JSON values are equal, numbers by their numeric value.
pub(crate) fn same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => number_order(left, right) == Some(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_value(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| same_value(value, other)))
        }
        _ => left == right,
    }
}

fn same_instant(left: &Value, right: &Value) -> bool {
    let (Some(left), Some(right)) = (left.as_str(), right.as_str()) else { return false };
    if left.len() <= 10 || right.len() <= 10 {
        return false;
    }
    match (FhirDateTime::parse(left), FhirDateTime::parse(right)) {
        (Ok(left), Ok(right)) => left.earliest() == right.earliest(),
        _ => false,
    }
}

/// The order of two items; unknown where one is missing or a date is not precise enough.
pub(super) fn order(left: &[Item<'_>], right: &[Item<'_>]) -> Result<Option<Ordering>, FhirPathFault> {
    let (left, right) = match (left, right) {
        ([], _) | (_, []) => return Ok(None),
        ([left], [right]) => (left.value.as_deref(), right.value.as_deref()),
        _ => return Err(FhirPathFault::NotSingle),
    };
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => Ok(number_order(left, right)),
        (Some(Value::String(left)), Some(Value::String(right))) => Ok(text_order(left, right)),
        (None, _) | (_, None) => Ok(None),
        _ => Err(FhirPathFault::WrongType),
    }
}

fn number_order(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ if left == right => Some(Ordering::Equal),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn text_order(left: &str, right: &str) -> Option<Ordering> {
    let (Ok(a), Ok(b)) = (FhirDateTime::parse(left), FhirDateTime::parse(right)) else {
        return Some(left.cmp(right));
    };
    if a.latest() < b.earliest() {
        Some(Ordering::Less)
    } else if a.earliest() > b.latest() {
        Some(Ordering::Greater)
    } else if a.earliest() == b.earliest() && a.latest() == b.latest() {
        Some(Ordering::Equal)
    } else {
        None
    }
}
