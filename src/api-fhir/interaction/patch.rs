//! patch: JSON Patch or FHIRPath Patch, conditional or not. A patch is an update of the server's own copy,
//! and is authorized and validated as an update.
//!
//! The copy is read, patched, validated and compared before the write transaction, which only checks that its
//! version is still the current one. If another change came between, a small patch is applied again within
//! the transaction; a large one is refused with 409, because it would hold the writer for long. A small JSON
//! Patch of a role is always applied within the transaction: that costs less than to read the role twice.

use serde_json::Value;

use crate::authorize;
use crate::context::Context;
use crate::interaction::conditional::Match;
use crate::interaction::reply::Reply;
use crate::interaction::request::{
    Body, FhirRequest, Patched, Prepared, check_preconditions, instance, kind_of,
};
use crate::interaction::validate::check;
use crate::interaction::{conditional, read, update};
use crate::refusal::Refusal;
use crate::resource;
use crate::resource::consent::vrs_form;
use crate::resource::definition::WritePurpose;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use base::cpu_pool::INLINE;
use domain::account::Permission;
use fhir::outcome::{Issue, IssueType};
use fhir::patch as engine;
use store::Tx;

/// The version that a patch is for, as it is now. `asks`: whether the patch, which is not passed, tests the
/// content of the resource ([`asks`]).
pub(crate) fn find_base(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
    asks: bool,
) -> Result<StoredResource, Refusal> {
    let current = if request.target.id.is_some() {
        let (kind, id) = instance(request)?;
        read::find(tx, context, kind, id, Permission::Update)?.ok_or_else(Refusal::not_found)?
    } else {
        match conditional::find(tx, context, kind_of(request)?, &request.params)? {
            Match::None => return Err(Refusal::not_found()),
            Match::One(current) => *current,
            Match::Many => return Err(conditional::many()),
        }
    };
    check_may_ask(tx, context, &current, asks)?;
    Ok(current)
}

/// Refuses a patch that tests the content of a resource which the caller may not read.
fn check_may_ask(
    tx: &mut Tx<'_>,
    context: &Context,
    current: &StoredResource,
    asks: bool,
) -> Result<(), Refusal> {
    if asks { authorize::check_read(tx, context, current.kind, &current.id) } else { Ok(()) }
}

/// Applies a patch to the version that it is for.
pub(crate) fn prepare(
    context: &Context,
    request: &mut FhirRequest,
    current: &StoredResource,
) -> Result<(), Refusal> {
    check_preconditions(request, current)?;
    let patched = apply(context, request, current)?;
    request.prepared = Prepared::Patched(Box::new(patched));
    Ok(())
}

pub(crate) fn patch(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    let current = read::find_to_change(tx, context, kind, id)?.ok_or_else(Refusal::not_found)?;
    write(tx, context, request, &current)
}

pub(crate) fn conditional_patch(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
) -> Result<Reply, Refusal> {
    let kind = kind_of(request)?;
    match conditional::find_to_change(tx, context, kind, &request.params)? {
        Match::None => Err(Refusal::not_found()),
        Match::One(current) => write(tx, context, request, &current),
        Match::Many => Err(conditional::many()),
    }
}

fn write(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
    current: &StoredResource,
) -> Result<Reply, Refusal> {
    check_preconditions(request, current)?;
    match &request.prepared {
        Prepared::Patched(patched) if (&patched.id, patched.version) == (&current.id, current.version) => {
            update::replace(tx, context, request, (current, &patched.body, &patched.draft))
        }
        Prepared::Patched(_) | Prepared::Nothing | Prepared::Draft(_) | Prepared::Outcome(_) => {
            check_small(request, current)?;
            check_may_ask(tx, context, current, asks(request))?;
            let patched = apply(context, request, current)?;
            update::replace(tx, context, request, (current, &patched.body, &patched.draft))
        }
    }
}

/// Refuses a patch that would hold the writer for long.
fn check_small(request: &FhirRequest, current: &StoredResource) -> Result<(), Refusal> {
    let is_stored_large = match &current.document {
        Some(document) => document.len() > INLINE,
        // A role has few columns.
        None => current.kind != ResourceType::Consent && current.body.is_larger(INLINE),
    };
    if request.has_large_body() || is_stored_large {
        let message = "The resource changed while this patch was applied: send the patch again.";
        return Err(Refusal::new(409, Issue::error(IssueType::Conflict, message)));
    }
    Ok(())
}

fn apply(context: &Context, request: &FhirRequest, stored: &StoredResource) -> Result<Patched, Refusal> {
    let current = stored.clone().complete()?;
    let tree = &*current.body.tree();
    let patched = match &request.body {
        Some(Body::JsonPatch(patch)) if current.kind == ResourceType::Consent => {
            engine::json_patch(tree, &vrs_form::consent_patch(tree, patch))
        }
        Some(Body::JsonPatch(patch)) => engine::json_patch(tree, patch),
        Some(Body::Resource(body))
            if body.get("resourceType").and_then(Value::as_str) == Some("Parameters") =>
        {
            engine::fhirpath_patch(tree, body)
        }
        None => return Err(Refusal::invalid("Send the patch as the body of the request.")),
        Some(Body::Resource(_)) => {
            let message =
                "Send a JSON Patch as application/json-patch+json, or a FHIRPath Patch as Parameters.";
            return Err(Refusal::new(415, Issue::error(IssueType::NotSupported, message)));
        }
    };
    let mut body = patched.map_err(|fault| Refusal::new(fault.kind.status(), fault.issue))?;
    drop_stale_narrative(tree, &mut body);
    // The patch itself was understood; its result violates a rule.
    check(&body, current.kind).map_err(|refusal| Refusal { status: 422, ..refusal })?;
    resource::decide_kind(context, current.kind, WritePurpose::Update)?;
    let mut draft = resource::read(context, current.kind, &body, WritePurpose::Update)?;
    resource::keep_if_unchanged(&mut draft, stored)?;
    Ok(Patched { id: current.id, version: current.version, body, draft })
}

/// Whether a patch tests the content of the resource, so that its success or failure reveals it: by the
/// operation `test` of a JSON Patch, or by a path that selects with a function.
pub(crate) fn asks(request: &FhirRequest) -> bool {
    match &request.body {
        None => false,
        Some(Body::JsonPatch(patch)) => {
            let mut operations = patch.as_array().into_iter().flatten();
            operations.any(|operation| operation.get("op").and_then(Value::as_str) == Some("test"))
        }
        Some(Body::Resource(parameters)) => {
            let operations = parameters.get("parameter").and_then(Value::as_array).into_iter().flatten();
            let parts = operations.filter_map(|operation| operation.get("part")?.as_array()).flatten();
            let is_path = |part: &&Value| part.get("name").and_then(Value::as_str) == Some("path");
            let mut paths = parts.filter(is_path).filter_map(|part| part.get("valueString")?.as_str());
            paths.any(|path| path.contains('('))
        }
    }
}

/// Drops a narrative that was not patched along with the data, because it is stale.
fn drop_stale_narrative(before: &Value, after: &mut Value) {
    let is_stale = before != after && before.get("text") == after.get("text");
    if let (true, Some(members)) = (is_stale, after.as_object_mut()) {
        members.shift_remove("text");
    }
}
