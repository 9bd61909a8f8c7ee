//! patch: JSON Patch or FHIRPath Patch, with or without a condition. A patch is an update of the server's
//! own copy: it is validated and judged as one.

use serde_json::Value;

use crate::fhir::context::Context;
use crate::fhir::enforce;
use crate::fhir::interaction::conditional::{self, Match};
use crate::fhir::interaction::validate::check;
use crate::fhir::interaction::{Body, Reply, Request, check_if_match, instance, kind_of, read, update};
use crate::fhir::outcome::{Issue, IssueType};
use crate::fhir::patch as engine;
use crate::fhir::refusal::Refusal;
use crate::fhir::resource::Stored;
use crate::store::Tx;

pub(super) fn patch(tx: &mut Tx<'_>, context: &Context, request: &Request) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    let current = read::find_to_change(tx, context, kind, id)?.ok_or_else(Refusal::not_found)?;
    apply(tx, context, request, &current)
}

pub(super) fn conditional_patch(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &Request,
) -> Result<Reply, Refusal> {
    let kind = kind_of(request)?;
    match conditional::find_to_change(tx, context, kind, &request.params)? {
        Match::None => Err(Refusal::not_found()),
        Match::One(current) => apply(tx, context, request, &current),
        Match::Many => Err(conditional::many()),
    }
}

fn apply(tx: &mut Tx<'_>, context: &Context, request: &Request, current: &Stored) -> Result<Reply, Refusal> {
    check_if_match(request, current)?;
    if request.body.as_ref().is_some_and(asks) {
        enforce::check_read(tx, context, current.kind, &current.id)?;
    }
    let patched = match &request.body {
        Some(Body::JsonPatch(patch)) => engine::json_patch(&current.body, patch),
        Some(Body::Resource(body))
            if body.get("resourceType").and_then(Value::as_str) == Some("Parameters") =>
        {
            engine::fhirpath_patch(&current.body, body)
        }
        None => return Err(Refusal::invalid("Send the patch as the body of the request.")),
        Some(Body::Resource(_)) => {
            let told = "Send a JSON Patch as application/json-patch+json, or a FHIRPath Patch as Parameters.";
            return Err(Refusal::new(415, Issue::error(IssueType::NotSupported, told)));
        }
    };
    let mut patched = patched.map_err(|fault| Refusal::new(fault.kind.status(), fault.issue))?;
    drop_stale_narrative(&current.body, &mut patched);
    // The patch itself was understood: what it would make of the resource breaks a rule.
    check(&patched, current.kind).map_err(|refusal| Refusal { status: 422, ..refusal })?;
    update::replace(tx, context, request, current, &patched)
}

/// Whether a patch asks what the resource says, so that its success or failure tells: by the operation `test` of a JSON Patch, or
/// by a path that chooses with a function.
fn asks(patch: &Body) -> bool {
    match patch {
        Body::JsonPatch(patch) => {
            let mut operations = patch.as_array().into_iter().flatten();
            operations.any(|operation| operation.get("op").and_then(Value::as_str) == Some("test"))
        }
        Body::Resource(parameters) => {
            let operations = parameters.get("parameter").and_then(Value::as_array).into_iter().flatten();
            let parts = operations.filter_map(|operation| operation.get("part")?.as_array()).flatten();
            let is_path = |part: &&Value| part.get("name").and_then(Value::as_str) == Some("path");
            let mut paths = parts.filter(is_path).filter_map(|part| part.get("valueString")?.as_str());
            paths.any(|path| path.contains('('))
        }
    }
}

/// A narrative that was not patched along with the data tells of data that are no more.
fn drop_stale_narrative(before: &Value, after: &mut Value) {
    let is_stale = before != after && before.get("text") == after.get("text");
    if let (true, Some(members)) = (is_stale, after.as_object_mut()) {
        members.shift_remove("text");
    }
}
