//! Changes to JSON bodies.

use serde_json::Value;

fn parent<'v>(body: &'v mut Value, pointer: &str) -> (&'v mut Value, String) {
    let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
    let parent = body.pointer_mut(parent).unwrap_or_else(|| unreachable!("no {parent} in the body"));
    (parent, key.to_owned())
}

/// The body with this value at a JSON pointer.
pub fn with(mut body: Value, pointer: &str, value: impl Into<Value>) -> Value {
    let (parent, key) = parent(&mut body, pointer);
    match (parent, key.parse::<usize>()) {
        (Value::Array(items), Ok(at)) if at < items.len() => items[at] = value.into(),
        (Value::Array(items), _) => items.push(value.into()),
        (parent, _) => parent[key] = value.into(),
    }
    body
}

/// The body without what is at a JSON pointer.
pub fn without(mut body: Value, pointer: &str) -> Value {
    let (parent, key) = parent(&mut body, pointer);
    match (parent, key.parse::<usize>()) {
        (Value::Array(items), Ok(at)) => drop(items.remove(at)),
        (Value::Object(members), _) => drop(members.remove(&key)),
        _ => unreachable!("{pointer} has no parent"),
    }
    body
}
