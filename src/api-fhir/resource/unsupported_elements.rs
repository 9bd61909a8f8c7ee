//! Finds elements of a body that the model cannot store, so that they are refused and never dropped silently.
//!
//! The body is compared with the resource as it would be read back: every difference is residue. The
//! comparison ends at the first difference of a value and after [`MOST`] issues, so that its work is linear
//! in the body, however deeply it nests. It runs before the write: the body alone determines the resource.

use serde_json::Value;

use crate::refusal::Refusal;
use crate::url;
use fhir::outcome::{Issue, IssueType};

/// More issues than this are of no use at once, nor are more searches for moved items.
const MOST: usize = 50;

/// Refuses a body of which an element would be lost in the resource `held`.
pub(super) fn check(body: &Value, held: &Value) -> Result<(), Refusal> {
    refuse_any(find(body, held, |_| true))
}

/// As [`check`], for a resource that is stored as sent except for these members.
pub(super) fn check_members(body: &Value, held: &Value, members: &[&str]) -> Result<(), Refusal> {
    refuse_any(find(body, held, |name| members.contains(&name)))
}

fn refuse_any(unsupported: Vec<Issue>) -> Result<(), Refusal> {
    if unsupported.is_empty() { Ok(()) } else { Err(Refusal::of(422, unsupported)) }
}

/// Every element of `body` that `held` lacks or has with another value, among the members that are
/// `looked_at`.
fn find(body: &Value, held: &Value, looked_at: impl Fn(&str) -> bool) -> Vec<Issue> {
    let mut found = Comparison { issues: Vec::new(), searches: MOST };
    let kind = body.get("resourceType").and_then(Value::as_str).unwrap_or("Resource");
    for (key, value) in body.as_object().into_iter().flatten().filter(|(key, _)| looked_at(key)) {
        let path = || format!("{kind}.{key}");
        match key.as_str() {
            "resourceType" | "id" => {}
            "meta" => meta(value, &path(), &mut found.issues),
            // A generated narrative contains nothing that the data do not.
            "text" if value.get("status").and_then(Value::as_str) == Some("generated") => {}
            _ => found.compare(value, held.get(key), &path()),
        }
    }
    found.issues
}

/// Checks `meta`, which the service writes, whatever the client sent.
fn meta(meta: &Value, path: &str, issues: &mut Vec<Issue>) {
    for (key, given) in meta.as_object().into_iter().flatten() {
        let is_our_tag = key == "tag" && is_ours(given);
        if !is_our_tag && !["versionId", "lastUpdated", "profile", "source"].contains(&key.as_str()) {
            issues.push(unsupported(&format!("{path}.{key}")));
        }
    }
}

/// Whether tags are only those that the service sets.
fn is_ours(tags: &Value) -> bool {
    let system = |tag: &Value| tag.get("system").and_then(Value::as_str) == Some(url::ROLE_REVIEW);
    tags.as_array().is_some_and(|tags| tags.iter().all(system))
}

/// Whether `held` contains all of `given`, with lists in the same order; ends at the first difference.
/// Displays are for people: the service's own are kept, whatever was sent (contract §4.1).
fn holds(held: &Value, given: &Value) -> bool {
    steps::count();
    match (given, held) {
        (Value::Object(members), Value::Object(held)) => members
            .iter()
            .all(|(key, value)| key == "display" || held.get(key).is_some_and(|held| holds(held, value))),
        (Value::Array(items), Value::Array(held)) => {
            items.len() <= held.len() && items.iter().zip(held).all(|(item, held)| holds(held, item))
        }
        (Value::String(given), Value::String(held)) => given == held || url::as_hl7_defines(given) == *held,
        (given, held) => given == held,
    }
}

/// A running comparison: the issues, and how often a list may still be searched for an item that is not at
/// its index. A list of the service's own is short; a long one, which grew with the body, has the order of
/// the body.
struct Comparison {
    issues: Vec<Issue>,
    searches: usize,
}

impl Comparison {
    fn is_over(&self) -> bool {
        self.issues.len() >= MOST
    }

    /// Records where the two differ. Equal values are skipped as a whole.
    fn compare(&mut self, given: &Value, held: Option<&Value>, path: &str) {
        match (given, held) {
            (given, Some(held)) if holds(held, given) => {}
            (Value::Object(members), Some(Value::Object(held))) => {
                for (key, value) in members.iter().filter(|(key, _)| *key != "display") {
                    if self.is_over() {
                        return;
                    }
                    self.compare(value, held.get(key), &format!("{path}.{key}"));
                }
            }
            (Value::Array(items), Some(Value::Array(held))) => {
                for (number, item) in items.iter().enumerate() {
                    if self.is_over() {
                        return;
                    }
                    self.compare_item(item, held, (number, path));
                }
            }
            _ => self.issues.push(unsupported(path)),
        }
    }

    /// Compares with the item at the same index, which is nearly always the right one and gives the best
    /// message.
    fn compare_item(&mut self, item: &Value, held: &[Value], (number, path): (usize, &str)) {
        let known = self.issues.len();
        let path = format!("{path}[{number}]");
        match held.get(number) {
            Some(candidate) => self.compare(item, Some(candidate), &path),
            None => self.issues.push(unsupported(&path)),
        }
        if self.issues.len() == known || self.searches == 0 {
            return;
        }
        // Beyond the end of a list of one, every item is compared with that one: this is not a search.
        self.searches -= usize::from(held.len() > 1);
        if held.iter().any(|held| holds(held, item)) {
            self.issues.truncate(known);
        }
    }
}

fn unsupported(path: &str) -> Issue {
    let message = "This service does not support this element or value. Remove or correct it.";
    Issue::error(IssueType::NotSupported, message).at(path)
}

/// Counts the compared pairs of values, in tests.
mod steps {
    #[cfg(test)]
    thread_local! {
        pub(super) static TAKEN: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    #[cfg(test)]
    pub(super) fn count() {
        TAKEN.with(|taken| taken.set(taken.get() + 1));
    }

    #[cfg(not(test))]
    pub(super) const fn count() {}
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{MOST, check, check_members, find, steps};

    /// The number of compared pairs of values.
    fn steps_of(body: &Value, held: &Value) -> usize {
        steps::TAKEN.with(|taken| taken.set(0));
        let _either = check(body, held);
        steps::TAKEN.with(std::cell::Cell::get)
    }

    fn tree(depth: usize, leaf: &str) -> Value {
        if depth == 0 {
            return json!({ "linkId": leaf });
        }
        json!({ "item": [tree(depth - 1, leaf), tree(depth - 1, leaf)] })
    }

    fn count(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
            Value::Object(members) => 1 + members.values().map(count).sum::<usize>(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
        }
    }

    /// SEC-1: a binary tree of items cost six times as much with each level.
    #[test]
    fn comparing_a_tree_with_itself_or_another_takes_linear_work() {
        for depth in [4, 8, 12] {
            let given = json!({ "item": [tree(depth, "a"), tree(depth, "b")] });
            for held in [given.clone(), json!({ "item": [tree(depth, "c"), tree(depth, "d")] })] {
                let (steps, nodes) = (steps_of(&given, &held), count(&given));
                assert!(steps <= 40 * nodes, "{steps} steps for {nodes} values, depth {depth}");
            }
        }
    }

    #[test]
    fn comparing_long_lists_takes_linear_work() {
        let list = |size: usize, text: &str| -> Value {
            json!({ "relationship": (0..size).map(|n| json!({ "text": format!("{text}{n}") })).collect::<Vec<_>>() })
        };
        for size in [100, 1000, 4000] {
            for held in [list(size, "a"), list(size, "b"), list(1, "a"), json!({ "relationship": [] })] {
                let steps = steps_of(&list(size, "a"), &held);
                assert!(steps <= 8 * MOST * size, "{steps} steps for {size} items");
            }
        }
    }

    #[test]
    fn unsupported_elements_are_named_and_reordered_list_items_are_supported() {
        let held = json!({
            "resourceType": "Consent", "extension": [{ "url": "a", "v": 1 }, { "url": "b", "v": 2 }],
            "status": "active", "code": [{ "system": "http://terminology.hl7.org/x", "display": "X" }],
        });
        let body = json!({
            "resourceType": "Consent", "id": "1", "meta": { "versionId": "1", "security": [1] },
            "extension": [{ "url": "b", "v": 2 }, { "url": "a", "v": 1 }],
            "status": "inactive", "code": [{ "system": "http://terminology.hl7.org/x", "display": "Y", "version": "1" }],
            "note": [{ "text": "n" }], "text": { "status": "generated", "div": "<div/>" },
        });
        let at: Vec<String> =
            find(&body, &held, |_| true).into_iter().filter_map(|issue| issue.expression).collect();
        assert_eq!(
            at,
            ["Consent.meta.security", "Consent.status", "Consent.code[0].version", "Consent.note"]
        );
        assert!(check_members(&body, &held, &["extension", "id"]).is_ok());
        assert_eq!(check_members(&body, &held, &["meta"]).unwrap_err().issues.len(), 1);
    }
}
