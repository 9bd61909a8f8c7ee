//! Refusals of a subscription's content, and its extensions.

use serde_json::Value;

use crate::refusal::Refusal;
use fhir::outcome::{Issue, IssueType};

/// 422: something at this element is not supported.
pub(super) fn unsupported(
    message: impl Into<std::borrow::Cow<'static, str>>,
    at: impl Into<String>,
) -> Refusal {
    Refusal::new(422, Issue::error(IssueType::NotSupported, message).at(at))
}

/// 422: the value of this element is not valid.
pub(super) fn wrong(message: impl Into<std::borrow::Cow<'static, str>>, at: impl Into<String>) -> Refusal {
    Refusal::new(422, Issue::error(IssueType::Value, message).at(at))
}

/// The extensions of an element, each with its path.
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
