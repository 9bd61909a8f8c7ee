//! Runs a request: in which transaction, on which thread, and with which access records.

use super::api::{Api, ResponseFormat};
use crate::context::Context;
use crate::interaction::reply::Reply;
use crate::interaction::request::{Body, FhirRequest, Handler};
use crate::interaction::{
    asks, authorize, authorize_and_execute, compare, execute_authorized, find_base, find_replaced,
    find_to_validate, outcome_of, prepare_patch, replaces_document,
};
use crate::refusal::Refusal;
use crate::resource::form::Content;
use crate::resource::resource_type::ResourceType;
use crate::{audit, resource};
use ::web::gate::Written;
use base::cpu_pool::INLINE;
use domain::audit::Access;
use store::{Lane, Tx};

/// Runs a validated request, and returns the access to record: `None` where the change has its own record.
pub(super) async fn execute(
    api: Api<'_>,
    context: Context,
    request: FhirRequest,
    writing: Option<ResponseFormat>,
) -> (Option<Access>, Result<Reply, Refusal>) {
    let asked = audit::access(&context, request.route, &request.target, &request.params);
    let handler = request.route.handler;
    let result = if matches!(handler, Handler::Validate(_)) {
        validate(api, &context, request).await.map(|reply| Written { value: reply, is_recorded: false })
    } else if handler.is_write() {
        match ready_one(api, &context, request).await {
            Ok(request) => write(api, context, request).await,
            Err(refusal) => Err(refusal),
        }
    } else {
        read(api, context, request, writing).await.map(|reply| Written { value: reply, is_recorded: false })
    };
    match result {
        Ok(Written { value: reply, is_recorded }) => {
            ((!is_recorded).then(|| audit::answered(asked, &reply)), Ok(reply))
        }
        Err(refusal) => (Some(audit::refused(asked, &refusal)), Err(refusal)),
    }
}

/// A search with more bytes of parameters may take long, and must not delay other requests to the database.
const BRIEF: usize = 1024;

/// The reply, and whether it has an audit record of its own; a reply without one is recorded as an access.
type Executed = Written<Reply>;

async fn write(api: Api<'_>, context: Context, request: FhirRequest) -> Result<Executed, Refusal> {
    let inner = context.for_writer();
    let work = move |tx: &mut Tx<'_>| tx.within(&inner.budget, |tx| execute_authorized(tx, &inner, &request));
    let Written { value: reply, is_recorded } = api.gate.write_as(context.caller.clone(), work).await?;
    let size = reply.document.as_ref().map_or(0, String::len);
    let reply = api.bodies.cpu.run_to_end(size, move || reply.complete()).await??;
    Ok(Written { value: reply, is_recorded })
}

/// Reads, and renders the result, if a format is given, on the same thread: to free its many small parts on
/// another thread costs more than rendering.
async fn read(
    api: Api<'_>,
    context: Context,
    request: FhirRequest,
    writing: Option<ResponseFormat>,
) -> Result<Reply, Refusal> {
    let (kind, caller) = (request.target.kind, context.caller.clone());
    let reads_one = matches!(request.route.handler, Handler::One(_));
    let is_present = request.target.version.is_none();
    let is_long = request.params.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > BRIEF;
    let work = move |tx: &mut Tx<'_>| {
        let mut reply = tx.within(&context.budget, |tx| authorize_and_execute(tx, &context, &request))?;
        if let Some(ResponseFormat { format, is_pretty, .. }) = writing {
            reply.rendered = reply.body.take().map(|body| body.render(format, is_pretty));
        }
        Ok(reply)
    };
    let is_one = reads_one && is_present && kind.is_some_and(ResourceType::is_read_at_once);
    // Two kinds are not read on a serving thread: documents that a client wrote, which can be large, and AuditEvents, because
    // the access journal is indexed before they are read.
    let is_small = kind.is_some_and(|kind| !kind.is_a_document() && kind != ResourceType::AuditEvent);
    if is_one {
        return api.gate.read_one_as(caller, work).await;
    }
    let lane = match (is_small && reads_one, is_long) {
        (true, _) => Lane::Brief,
        (false, true) => Lane::Long,
        (false, false) => Lane::Ordinary,
    };
    api.gate.read_as(caller, lane, work).await
}

/// Does the part of a write that needs the current version, before the write transaction.
pub(super) async fn ready_one(
    api: Api<'_>,
    context: &Context,
    request: FhirRequest,
) -> Result<FhirRequest, Refusal> {
    if matches!(request.route.handler, Handler::Patch(_)) {
        patch_one(api, context, request).await
    } else if replaces_document(&request) {
        compare_one(api, context, request).await
    } else {
        Ok(request)
    }
}

/// Compares a document with the one that it replaces. That costs an extra read, for access requests and
/// subscriptions only: a comparison in the write transaction would delay all other writers.
async fn compare_one(
    api: Api<'_>,
    context: &Context,
    mut request: FhirRequest,
) -> Result<FhirRequest, Refusal> {
    let (inner, without_body) = (context.for_writer(), request.without_body());
    let find = move |tx: &mut Tx<'_>| tx.within(&inner.budget, |tx| find_replaced(tx, &inner, &without_body));
    let Some(base) = api.gate.read_as(context.caller.clone(), Lane::Ordinary, find).await? else {
        return Ok(request);
    };
    let size = base.document.as_ref().map_or(0, String::len);
    api.bodies.cpu.run(size, move || compare(&mut request, &base).map(|()| request)).await?
}

/// Applies a patch to the version that it is for, before the write transaction.
async fn patch_one(
    api: Api<'_>,
    context: &Context,
    mut request: FhirRequest,
) -> Result<FhirRequest, Refusal> {
    // A role has few columns: to apply a small JSON Patch to it in the write transaction takes some
    // microseconds; to read it before, in another transaction, takes a third of the whole request.
    let is_brief = matches!(&request.body, Some(Body::JsonPatch(_))) && !request.has_large_body();
    if request.target.kind == Some(ResourceType::Consent) && is_brief {
        return Ok(request);
    }
    // The document is loaded as text, and parsed below.
    let (inner, without_body) = (context.for_writer(), request.without_body());
    let asks = asks(&request);
    let find =
        move |tx: &mut Tx<'_>| tx.within(&inner.budget, |tx| find_base(tx, &inner, &without_body, asks));
    let base = api.gate.read_as(context.caller.clone(), Lane::Ordinary, find).await?;
    let document = base.document.as_ref().map_or(0, String::len);
    let size = if is_large(&request, Some(&base.body)) { usize::MAX } else { document };
    let context = context.clone();
    let work = move || prepare_patch(&context, &mut request, &base).map(|()| request);
    api.bodies.cpu.run(size, work).await?
}

fn is_large(request: &FhirRequest, stored: Option<&Content>) -> bool {
    request.has_large_body() || stored.is_some_and(|stored| stored.is_larger(INLINE))
}

/// `$validate`: a stored resource, if the request names one, is read first, and validated after the
/// transaction.
async fn validate(api: Api<'_>, context: &Context, request: FhirRequest) -> Result<Reply, Refusal> {
    authorize(context, &request)?;
    let (inner, without_body) = (context.clone(), request.without_body());
    let find =
        move |tx: &mut Tx<'_>| tx.within(&inner.budget, |tx| find_to_validate(tx, &inner, &without_body));
    let stored = api.gate.read_as(context.caller.clone(), Lane::Ordinary, find).await?;
    let disclosed = resource::disclosed(&stored);
    let stored = stored.map(|stored| stored.body);
    let size = if is_large(&request, stored.as_ref()) { usize::MAX } else { 0 };
    let work = move || outcome_of(&request, stored.map(Content::into_tree));
    let outcome = api.bodies.cpu.run(size, work).await??;
    Ok(Reply::made_of(disclosed, outcome))
}
