//! The interactions, one per file. Each runs in a given transaction, so that a single request and an entry of
//! a Bundle are processed alike.

pub(crate) mod conditional;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod history;
pub(crate) mod operation;
pub(crate) mod patch;
pub(crate) mod read;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod search;
pub(crate) mod subscription;
pub(crate) mod update;
pub(crate) mod validate;

use serde_json::Value;

use crate::authorize;
use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource;
use crate::resource::definition::WritePurpose;
use crate::resource::resource_type::ResourceType;
pub(crate) use patch::{asks, find_base, prepare as prepare_patch};
use reply::Reply;
use request::{Body, FhirRequest, Handler, Prepared, RequestTarget, kind_of, resource_of};
use service::access;
use service::access::Action;
use store::Tx;
pub(crate) use update::{compare, find_replaced, replaces_document};
pub(crate) use validate::{check, find as find_to_validate, outcome as outcome_of};

/// Runs a request that was prepared, or needs no preparation.
pub(crate) fn authorize_and_execute(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
) -> Result<Reply, Refusal> {
    authorize(context, request)?;
    execute_authorized(tx, context, request)
}

/// Refuses what needs no database to refuse: a request that the caller may never make, and a resource that is
/// not valid. The body becomes a draft.
pub(crate) fn authorize_and_prepare(context: &Context, request: &mut FhirRequest) -> Result<(), Refusal> {
    authorize(context, request)?;
    prepare(context, request)
}

/// Refuses a request that the caller may never make, whatever its body.
pub(crate) fn authorize(context: &Context, request: &FhirRequest) -> Result<(), Refusal> {
    if !request.route.handler.is_write() {
        let reads_roles = request.target.kind == Some(ResourceType::Consent);
        let action = if reads_roles { Action::SearchRoles } else { Action::ReadRecords };
        access::decide_kind(&context.caller.principal, action)?;
    }
    authorize::check_patient(context, request)?;
    if let Some(permission) = request.route.permission {
        // A search in a compartment is about its members, not about the patient of the compartment.
        let RequestTarget { kind, members, .. } = &request.target;
        let kinds = if members.is_empty() { kind.as_slice() } else { members };
        authorize::check_any(context, kinds, permission)?;
    }
    match (request.route.handler.purpose(), request.target.kind) {
        (Some(purpose), Some(kind)) => resource::decide_kind(context, kind, purpose),
        (Some(_), None) | (None, _) => Ok(()),
    }
}

/// The condition by which a request finds the resource that it writes, if it has one.
pub(crate) fn condition_of(request: &FhirRequest) -> Option<Vec<(String, String)>> {
    match request.route.handler {
        // A condition that cannot be read is refused when the request is processed.
        Handler::Store(_, WritePurpose::Create) => create::condition(request).ok().flatten(),
        Handler::Store(_, WritePurpose::Either) => Some(request.params.clone()),
        Handler::Patch(_) => request.target.id.is_none().then(|| request.params.clone()),
        Handler::Store(_, WritePurpose::Update)
        | Handler::Capabilities
        | Handler::Fixed(_)
        | Handler::Bundle
        | Handler::Validate(_)
        | Handler::One(_)
        | Handler::Read(_)
        | Handler::Search(_)
        | Handler::Write(_) => None,
    }
}

/// Validates and reads the resource in the body.
fn prepare(context: &Context, request: &mut FhirRequest) -> Result<(), Refusal> {
    if request.route.handler.purpose().is_some() {
        check(resource_of(request)?, kind_of(request)?)?;
        read_draft(context, request)?;
        keep_head(request);
    }
    Ok(())
}

/// Reduces a body that was read to the members that identify the resource: freeing the rest takes time, which
/// must not be spent in the transaction.
pub(crate) fn keep_head(request: &mut FhirRequest) {
    if let Some(Body::Resource(Value::Object(members))) = &mut request.body {
        members.retain(|name, _| matches!(name.as_str(), "resourceType" | "id" | "meta"));
    }
}

/// Reads the validated resource in the body.
pub(crate) fn read_draft(context: &Context, request: &mut FhirRequest) -> Result<(), Refusal> {
    if let Some(purpose) = request.route.handler.purpose() {
        let draft = resource::read(context, kind_of(request)?, resource_of(request)?, purpose)?;
        request.prepared = Prepared::Draft(draft);
    }
    Ok(())
}

/// Runs a validated request ([`authorize_and_prepare`]).
pub(crate) fn execute_authorized(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
) -> Result<Reply, Refusal> {
    let mut reply = request.route.handler.execute(tx, context, request)?;
    if let (Some((kind, id)), Some(permission)) = (&reply.written, request.route.permission) {
        authorize::check_written(tx, context, *kind, id, permission)?;
        // A write scope includes no read: without one the response has only status and headers.
        if !authorize::may_read(tx, context, *kind, id)? {
            (reply.body, reply.document) = (None, None);
        }
    }
    Ok(reply)
}
