//! Limits of patches: their work, the nesting of the result, and the identity of the resource.

use serde_json::Value;

use crate::outcome::{Issue, IssueType};
use base::error::ErrorKind;

use super::fault::PatchFault;

/// The operations that one patch may have.
const MOST_OPERATIONS: usize = 200;

/// The deepest nesting of a patched resource: a patch could otherwise build a document that no parser would
/// accept and no stack could hold.
const DEEPEST: usize = 64;

/// The most that the operations of one patch may read together, in bytes of the resource: an operation can
/// read all of it.
const MOST_WORK: usize = 20_000_000;

/// Refuses too many operations, each of which can read the whole of a resource that grows by the values of
/// the patch.
pub(super) fn check_work(operations: usize, resource: &Value, patch: &Value) -> Result<(), PatchFault> {
    let size = weight(resource).saturating_add(weight(patch));
    if operations.saturating_mul(size) > MOST_WORK {
        return Err(PatchFault::too_much(
            "The patch has too many operations for a resource of this size; send several patches.",
        ));
    }
    Ok(())
}

/// The approximate size of the value as JSON, in bytes.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(key, value)| key.len() + 4 + weight(value)).sum::<usize>() + 2
        }
        Value::String(text) => text.len() + 2,
        Value::Number(number) => number.as_str().len(),
        Value::Bool(_) | Value::Null => 5,
    }
}

pub(super) fn check_count(operations: usize) -> Result<(), PatchFault> {
    if operations > MOST_OPERATIONS {
        return Err(PatchFault::too_much("The patch has too many operations; send several patches."));
    }
    Ok(())
}

/// Refuses a value that would nest too deeply at its location.
pub(super) fn check_depth(steps_above: usize, value: &Value) -> Result<(), PatchFault> {
    if steps_above.saturating_add(depth(value)) > DEEPEST {
        return Err(PatchFault::too_much("The patch would nest the resource too deeply."));
    }
    Ok(())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Refuses a patch that changes the type, the id or the version of the resource.
pub(super) fn check_identity(before: &Value, after: &Value) -> Result<(), PatchFault> {
    let kept: [(&str, &str, &'static str); 3] = [
        ("/resourceType", "resourceType", "A patch may not change the type of the resource."),
        ("/id", "id", "A patch may not change the id of the resource."),
        ("/meta/versionId", "meta.versionId", "A patch may not change the version; the service sets it."),
    ];
    for (pointer, element, sentence) in kept {
        if before.pointer(pointer) != after.pointer(pointer) {
            let name = before.get("resourceType").and_then(Value::as_str).unwrap_or("Resource");
            let issue = Issue::error(IssueType::BusinessRule, sentence).at(format!("{name}.{element}"));
            return Err(PatchFault { kind: ErrorKind::Unprocessable, issue });
        }
    }
    Ok(())
}
