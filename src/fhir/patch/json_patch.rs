//! JSON Patch (RFC 6902, `application/json-patch+json`, check R-30).
//!
//! The crate `json-patch` parses and applies the operations, one at a time on a copy: its own undo loses the
//! moved value when the second half of a `move` fails. `test` is ours, because RFC 6902 §4.6 compares numbers
//! by value and our JSON keeps their digits. The growth by `copy` is bounded: thirty copies of the whole into
//! itself would fill the memory.

use json_patch::jsonptr::PointerBuf;
use json_patch::{PatchErrorKind, PatchOperation};
use serde_json::Value;

use super::fault::PatchFault;
use super::limit::{check_count, check_depth, check_identity, check_work, weight};
use crate::fhirpath::same_value;

/// The most that all `copy` operations of a patch may add, in bytes, approximately.
const MOST_COPIED: usize = 1_000_000;

/// Applies a JSON Patch.
///
/// # Errors
///
/// [`PatchFault`]: 400 where the document is not a JSON Patch, 422 where a pointer is malformed or has no
/// target, a `test` fails, or the identity of the resource would change.
pub fn json_patch(resource: &Value, patch: &Value) -> Result<Value, PatchFault> {
    let operations = patch
        .as_array()
        .ok_or_else(|| PatchFault::malformed("A JSON Patch is an array of operations (RFC 6902)."))?;
    check_count(operations.len())?;
    let operations = operations.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    let moves = operations.iter().filter(|operation| matches!(operation, PatchOperation::Move(_))).count();
    check_work(moves, resource, patch)?;
    let mut patched = resource.clone();
    let mut copied = 0;
    for (number, operation) in operations.iter().enumerate() {
        check_size(&patched, operation, &mut copied)?;
        apply(&mut patched, operation).map_err(|kind| cannot(number, &kind))?;
    }
    check_identity(resource, &patched)?;
    Ok(patched)
}

fn read((number, operation): (usize, &Value)) -> Result<PatchOperation, PatchFault> {
    let pointers =
        ["path", "from"].into_iter().filter_map(|name| operation.get(name).and_then(Value::as_str));
    if pointers.into_iter().any(|pointer| PointerBuf::parse(pointer).is_err()) {
        return Err(PatchFault::impossible(format!(
            "Operation {number} (the first is 0) points to no place: a JSON Pointer is empty or begins with / (RFC 6901)."
        )));
    }
    serde_json::from_value(operation.clone()).map_err(|_quotes_the_request| {
        PatchFault::malformed(format!(
            "Operation {number} (the first is 0) is not one of RFC 6902: it needs op (add, remove, replace, \
             move, copy or test), path, and value or from as op demands."
        ))
    })
}

fn apply(resource: &mut Value, operation: &PatchOperation) -> Result<(), PatchErrorKind> {
    if let PatchOperation::Test(test) = operation {
        let found = resource.pointer(test.path.as_str()).ok_or(PatchErrorKind::InvalidPointer)?;
        return if same_value(found, &test.value) { Ok(()) } else { Err(PatchErrorKind::TestFailed) };
    }
    json_patch::patch_unsafe(resource, std::slice::from_ref(operation)).map_err(|fault| fault.kind)
}

fn check_size(resource: &Value, operation: &PatchOperation, copied: &mut usize) -> Result<(), PatchFault> {
    let at = |from: &PointerBuf| resource.pointer(from.as_str()).unwrap_or(&Value::Null);
    let (path, value) = match operation {
        PatchOperation::Add(add) => (&add.path, &add.value),
        PatchOperation::Replace(replace) => (&replace.path, &replace.value),
        PatchOperation::Move(mv) => (&mv.path, at(&mv.from)),
        PatchOperation::Copy(copy) => {
            let source = at(&copy.from);
            *copied = copied.saturating_add(weight(source));
            if *copied > MOST_COPIED {
                return Err(PatchFault::too_much("The patch copies too much."));
            }
            (&copy.path, source)
        }
        PatchOperation::Remove(_) | PatchOperation::Test(_) => return Ok(()),
    };
    check_depth(path.count(), value)
}

fn cannot(number: usize, kind: &PatchErrorKind) -> PatchFault {
    // The crate may add kinds; the sentence of a bad pointer fits them too.
    let why = if matches!(kind, PatchErrorKind::TestFailed) {
        "tests for a value that is not there"
    } else if matches!(kind, PatchErrorKind::InvalidFromPointer) {
        "takes from a place that is not there"
    } else if matches!(kind, PatchErrorKind::CannotMoveInsideItself) {
        "moves a value into itself"
    } else {
        "points to a place that is not there"
    };
    PatchFault::impossible(format!(
        "Operation {number} (the first is 0) of the patch {why}; nothing was changed."
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::json_patch;
    use base::error::ErrorKind;

    fn patch(patch: &Value) -> Result<Value, ErrorKind> {
        let consent = json!({
            "resourceType": "Consent", "id": "1", "meta": { "versionId": "3", "lastUpdated": "2026-01-01T00:00:00Z" },
            "category": [{ "text": "a" }, { "text": "b" }], "rank": 1.50,
        });
        json_patch(&consent, patch).map_err(|fault| {
            assert!(!fault.issue.diagnostics.contains("secret"), "{}", fault.issue.diagnostics);
            fault.kind
        })
    }

    /// R-30: a document that is not a patch is 400, one that cannot be carried out is 422.
    #[test]
    fn malformed_json_patch_is_400_and_impossible_one_is_422() {
        for document in [
            json!({ "op": "add" }),
            json!([{ "op": "add", "path": "/a" }]),
            json!([{ "op": "sing", "path": "/secret" }]),
            json!([{ "op": "move", "path": "/a" }]),
            json!([1]),
        ] {
            assert_eq!(patch(&document), Err(ErrorKind::Invalid), "{document}");
        }
        for operation in [
            json!({ "op": "test", "path": "/category/0/text", "value": "secret" }),
            json!({ "op": "test", "path": "/secret", "value": "a" }),
            json!({ "op": "add", "path": "a", "value": 1 }),
            json!({ "op": "add", "path": "/~2", "value": 1 }),
            json!({ "op": "remove", "path": "/category/2" }),
            json!({ "op": "remove", "path": "/category/-" }),
            json!({ "op": "remove", "path": "/category/00" }),
            json!({ "op": "remove", "path": "" }),
            json!({ "op": "replace", "path": "/nothing", "value": 1 }),
            json!({ "op": "move", "from": "/category", "path": "/category/0/text" }),
            json!({ "op": "copy", "from": "/nothing", "path": "/category/0/text" }),
            json!({ "op": "move", "from": "/category/0", "path": "/nothing/at/all" }),
        ] {
            assert_eq!(patch(&json!([operation])), Err(ErrorKind::Unprocessable), "{operation}");
        }
    }

    /// RFC 6902 §4.6: numbers are equal when their values are.
    #[test]
    fn json_patch_test_compares_numbers_by_value() {
        let tested: Value = serde_json::from_str(
            r#"[{"op":"test","path":"/rank","value":1.5},{"op":"add","path":"/factor","value":2.50}]"#,
        )
        .unwrap();
        assert_eq!(patch(&tested).unwrap()["factor"].to_string(), "2.50");
    }

    /// R-36.
    #[test]
    fn patch_cannot_change_type_id_or_version() {
        for operation in [
            json!({ "op": "replace", "path": "/id", "value": "2" }),
            json!({ "op": "remove", "path": "/id" }),
            json!({ "op": "replace", "path": "/resourceType", "value": "Patient" }),
            json!({ "op": "replace", "path": "/meta/versionId", "value": "4" }),
            json!({ "op": "remove", "path": "/meta" }),
            json!({ "op": "replace", "path": "", "value": { "resourceType": "Consent" } }),
        ] {
            assert_eq!(patch(&json!([operation])), Err(ErrorKind::Unprocessable), "{operation}");
        }
        assert!(patch(&json!([{ "op": "add", "path": "/meta/tag", "value": [{ "code": "x" }] }])).is_ok());
    }

    #[test]
    fn json_patch_copy_is_bounded() {
        let doubling: Vec<Value> = (0..60)
            .map(|n| json!({ "op": "copy", "from": "/category", "path": format!("/category/{}", n % 2) }))
            .collect();
        assert_eq!(patch(&json!(doubling)), Err(ErrorKind::Unprocessable));
        let path = |n: usize| format!("/x{}", "/x".repeat(n));
        let nesting: Vec<Value> =
            (0..200).map(|n| json!({ "op": "add", "path": path(n), "value": { "y": 1 } })).collect();
        assert_eq!(patch(&json!(nesting)), Err(ErrorKind::Unprocessable));
        assert_eq!(
            patch(&json!(vec![json!({ "op": "remove", "path": "/x" }); 201])),
            Err(ErrorKind::Unprocessable)
        );
    }
}
