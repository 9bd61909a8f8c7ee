//! Conditions that several invariants share.

use crate::validate::report::{Object, Report};

/// `isDistinct()`.
pub(super) fn are_distinct<T: Eq + std::hash::Hash>(values: impl IntoIterator<Item = T>) -> bool {
    let mut seen = std::collections::HashSet::new();
    values.into_iter().all(|value| seen.insert(value))
}

/// A text of a value, where it is an object that has it.
pub(super) fn text<'v>(value: &'v serde_json::Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(serde_json::Value::as_str)
}

/// Names for code generators: a warning for any other (cpb-0, csd-0, opd-0, que-0, sdf-0, spd-0, vsd-0).
pub(super) fn machine_name(object: &Object<'_>, key: &str, report: &mut Report) {
    let is_fit = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.len() <= 255
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if object.text("name").is_some_and(|name| !is_fit(name)) {
        let words = format!("{key}: Use a name of letters, digits and _ that begins with a capital letter.");
        report.warning(crate::outcome::IssueType::Invariant, &object.path.name("name"), words);
    }
}
