//! Bundles over HTTP: a batch entry by entry, a transaction as a whole.

use std::sync::Arc;

use crate::audit;
use crate::bundle;
use crate::bundle::{BundleEntry, BundleType, Plan, Undone};
use crate::context::Context;
use crate::http::api::Api;
use crate::http::execute::{execute, ready_one};
use crate::interaction::reply::Reply;
use crate::interaction::request::FhirRequest;
use crate::refusal::Refusal;
use base::error::Error;
use domain::audit::Access;
use fhir::outcome::{Issue, IssueType};
use store::{Budget, Lane, Tx};

/// How often a transaction is planned again because its conditions matched something unexpected. A condition
/// that matches what the transaction itself creates takes two attempts; more are for concurrent changes.
const ATTEMPTS: usize = 4;

/// Runs a batch. Each entry is an access, or a change, by itself.
pub(super) async fn batch(
    api: Api<'_>,
    context: Context,
    entries: Vec<Result<BundleEntry, Refusal>>,
    asked: Access,
) -> (Vec<Access>, Result<Reply, Refusal>) {
    let mut accesses = Vec::new();
    let mut answers = Vec::with_capacity(entries.len());
    let context = context.for_entries(entries.len());
    for entry in entries {
        let (access, result) = match entry {
            Ok(BundleEntry { refused: None, request, .. }) => {
                execute(api, context.clone(), request, None).await
            }
            Ok(BundleEntry { refused: Some(refusal), request, .. }) => {
                let FhirRequest { route, target, params, .. } = &request;
                let access = audit::access(&context, route, target, params);
                (Some(audit::refused(access, &refusal)), Err(refusal))
            }
            Err(refusal) => (Some(audit::refused(asked.clone(), &refusal)), Err(refusal)),
        };
        accesses.extend(access);
        answers.push(result.map_or_else(|refusal| bundle::refuse(&refusal), bundle::answer));
    }
    (accesses, Ok(Reply::made(200, bundle::response(BundleType::Batch, answers))))
}

/// Runs a transaction. Its changes have their audit records in the database transaction; a refusal of the
/// whole is recorded for every entry.
pub(super) async fn transaction(
    api: Api<'_>,
    context: Context,
    accesses: Vec<Access>,
    plan: Result<Plan, Refusal>,
) -> (Vec<Access>, Result<Reply, Refusal>) {
    let done = async {
        let plan = plan?;
        let reads = plan.reads();
        Ok((attempt(api, &context, plan).await?, reads))
    };
    match done.await {
        Ok((replies, reads)) => answer(api, &context, replies, reads).await,
        Err(refusal) => {
            let refused = accesses.into_iter().map(|access| audit::refused(access, &refusal));
            (refused.collect(), Err(refusal))
        }
    }
}

/// Runs a transaction, planned again until its conditions match as planned.
async fn attempt(api: Api<'_>, context: &Context, plan: Plan) -> Result<Vec<Reply>, Refusal> {
    if !plan.is_open() {
        return match once(api, context, plan).await {
            Ok(replies) => Ok(replies),
            Err(Undone::Refused(refusal)) => Err(refusal),
            Err(Undone::Otherwise(_)) => Err(changing()),
        };
    }
    let plan = Arc::new(plan);
    let (inner, shared) = (context.for_entries(plan.entries()), Arc::clone(&plan));
    let expect = move |tx: &mut Tx<'_>| tx.within(&inner.budget, |tx| shared.expect(tx, &inner));
    let mut found = api.gate.read_as(context.caller.clone(), Lane::Ordinary, expect).await?;
    for _ in 0..ATTEMPTS {
        let (inner, shared, expected) = (context.clone(), Arc::clone(&plan), found.clone());
        let prepare = move || {
            let mut plan = Plan::clone(&shared);
            plan.prepare(&inner, expected).map(|()| plan)
        };
        // Its size is unknown without a walk through all of it.
        let prepared = api.bodies.cpu.run(usize::MAX, prepare).await??;
        match once(api, context, prepared).await {
            Ok(replies) => return Ok(replies),
            Err(Undone::Refused(refusal)) => return Err(refusal),
            Err(Undone::Otherwise(otherwise)) => found.extend(otherwise),
        }
    }
    Err(changing())
}

fn changing() -> Refusal {
    let message = "The resources that the conditions of this transaction match have changed: send the transaction again.";
    Refusal::new(409, Issue::error(IssueType::Conflict, message))
}

/// Applies the patches of a planned transaction, compares replaced documents, and runs it.
async fn once(api: Api<'_>, context: &Context, mut plan: Plan) -> Result<Vec<Reply>, Undone> {
    for (number, request) in plan.changes() {
        let rest = request.without_body();
        let taken = std::mem::replace(request, rest);
        let ready = ready_one(api, context, taken).await;
        *request = ready.map_err(|refusal| bundle::in_entry(refusal, number))?;
    }
    let (caller, is_read, context) = (context.caller.clone(), plan.is_read(), context.for_writer());
    let work = move |tx: &mut Tx<'_>| {
        // An attempt that the database aborted does not use up the budget of the next.
        let budget = Budget::of_entries(plan.entries());
        tx.within(&budget, |tx| bundle::run(tx, &context, &plan))
    };
    if is_read {
        api.gate.read_as(caller, Lane::Ordinary, work).await
    } else {
        Ok(api.gate.write_as(caller, work).await?.value)
    }
}

/// Renders the response to a committed transaction. The reads of its entries are rendered from the current
/// data: while the writer is held no document is parsed.
async fn answer(
    api: Api<'_>,
    context: &Context,
    mut replies: Vec<Reply>,
    reads: Vec<(usize, FhirRequest)>,
) -> (Vec<Access>, Result<Reply, Refusal>) {
    let context = context.for_entries(reads.len());
    let mut accesses = Vec::new();
    let mut refused = Vec::new();
    for (number, request) in reads {
        let (access, result) = execute(api, context.clone(), request, None).await;
        accesses.extend(access);
        match (result, replies.get_mut(number)) {
            (Ok(read), Some(reply)) => *reply = read,
            // Another request has changed it since.
            (Err(refusal), _) => refused.push((number, refusal)),
            (Ok(_), None) => {}
        }
    }
    let size = replies.iter().filter_map(|reply| reply.document.as_ref()).map(String::len).sum();
    let complete = move || -> Result<Reply, Error> {
        let answers = replies.into_iter().map(|reply| reply.complete().map(bundle::answer));
        let mut answers = answers.collect::<Result<Vec<_>, Error>>()?;
        for (number, refusal) in refused {
            if let Some(answer) = answers.get_mut(number) {
                *answer = bundle::refuse(&refusal);
            }
        }
        Ok(Reply::made(200, bundle::response(BundleType::Transaction, answers)))
    };
    let completed = api.bodies.cpu.run_to_end(size, complete).await.and_then(|completed| completed);
    (accesses, completed.map_err(Refusal::from))
}
