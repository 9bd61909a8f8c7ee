//! Refusals of what a subscription says, and the extensions in which it says it.

use serde_json::Value;

use crate::refusal::Refusal;
use fhir::outcome::{Issue, IssueType};

/// 422: something at this element is not supported here.
pub(super) fn unsupported(told: impl Into<std::borrow::Cow<'static, str>>, at: impl Into<String>) -> Refusal {
    Refusal::new(422, Issue::error(IssueType::NotSupported, told).at(at))
}

/// 422: a value at this element.
pub(super) fn wrong(told: impl Into<std::borrow::Cow<'static, str>>, at: impl Into<String>) -> Refusal {
    Refusal::new(422, Issue::error(IssueType::Value, told).at(at))
}

/// The extensions of an element, each with its place.
pub(super) fn extensions<'v>(
    element: Option<&'v Value>,
    path: &str,
) -> impl Iterator<Item = (String, &'v str, &'v Value)> + use<'v> {
    let path = path.to_owned();
    let all = element.and_then(|element| element.get("extension")).and_then(Value::as_array);
    all.into_iter().flatten().enumerate().map(move |(number, extension)| {
        let url = extension.get("url").and_then(Value::as_str).unwrap_or_default();
        (format!("{path}.extension[{number}]"), url, extension)
    })
}
