//! A transaction: everything or nothing, in the order of R4, answered in the order of the request.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::audit::Access;
use crate::fhir::bundle::{Entry, answer, in_entry, links};
use crate::fhir::context::Context;
use crate::fhir::interaction::{Body, Reply, Request, perform};
use crate::fhir::outcome::{Issue, IssueType};
use crate::fhir::refusal::Refusal;
use crate::fhir::trail;
use crate::store::Tx;

/// Carries every entry out, or none.
pub(crate) fn run(
    tx: &mut Tx<'_>,
    context: &Context,
    mut entries: Vec<Entry>,
) -> Result<Vec<Value>, Refusal> {
    check_identities(&entries)?;
    entries.sort_by_key(|entry| (entry.rank, entry.number));
    let mut made: BTreeMap<String, String> = BTreeMap::new();
    let mut replies: Vec<(usize, Reply)> = Vec::new();
    let mut written: Vec<String> = Vec::new();
    let mut accesses: Vec<Access> = Vec::new();
    while !entries.is_empty() {
        let mut entry = entries.remove(next(&entries, &made)?);
        let recorded = tx.recorded();
        let reply =
            carry_out(tx, context, &mut entry, &made).map_err(|refusal| in_entry(refusal, entry.number))?;
        if let Some(location) = &reply.location {
            let unversioned = location.split_once("/_history/").map_or(location.as_str(), |(start, _)| start);
            let place = context.relative(unversioned).to_owned();
            // A condition may find what another entry changes; a create that finds changes nothing.
            if entry.rank == 2 || reply.status == 201 {
                if written.contains(&place) {
                    return Err(changed_twice(entry.number));
                }
                written.push(place.clone());
            }
            if let Some(name) = &entry.full_url {
                made.insert(name.clone(), place);
            }
        }
        if tx.recorded() == recorded {
            let Request { interaction, target, params, .. } = &entry.request;
            let asked = trail::access(context, *interaction, target, params);
            accesses.push(trail::answered(asked, &reply, &tx.take_seen(), context));
        }
        replies.push((entry.number, reply));
    }
    tx.record_accesses(&accesses.iter().collect::<Vec<_>>())?;
    replies.sort_by_key(|(number, _)| *number);
    Ok(replies.into_iter().map(|(_, reply)| answer(reply)).collect())
}

fn carry_out(
    tx: &mut Tx<'_>,
    context: &Context,
    entry: &mut Entry,
    made: &BTreeMap<String, String>,
) -> Result<Reply, Refusal> {
    if let Some(Body::Resource(body)) = &mut entry.request.body {
        links::rewrite(body, made);
        links::resolve_conditional(tx, context, body)?;
    }
    perform(tx, context, &entry.request)
}

/// The next entry of the lowest rank that refers to nothing that is still to be made.
fn next(entries: &[Entry], made: &BTreeMap<String, String>) -> Result<usize, Refusal> {
    let is_name = |entry: &&Entry| {
        entry.rank == 1
            && entry
                .full_url
                .as_ref()
                .is_some_and(|name| name.starts_with("urn:") && !made.contains_key(name))
    };
    let rank = entries.first().map_or(0, |entry| entry.rank);
    let is_ready = |entry: &Entry| {
        let others = entries.iter().filter(is_name).filter(|other| other.number != entry.number);
        let names: Vec<&str> = others.filter_map(|other| other.full_url.as_deref()).collect();
        match &entry.request.body {
            Some(Body::Resource(body)) => !links::refers_to(body, &names),
            Some(Body::JsonPatch(_)) | None => true,
        }
    };
    entries.iter().position(|entry| entry.rank == rank && is_ready(entry)).ok_or_else(|| {
        let told = "Entries of this transaction refer to each other in a circle.";
        Refusal::new(422, Issue::error(IssueType::NotSupported, told).at("Bundle.entry"))
    })
}

fn changed_twice(number: usize) -> Refusal {
    let told = "Two entries of this transaction change the same resource.";
    Refusal::new(400, Issue::error(IssueType::Invalid, told).at(format!("Bundle.entry[{number}]")))
}

/// B-03: no resource may be changed twice.
fn check_identities(entries: &[Entry]) -> Result<(), Refusal> {
    let mut seen = Vec::new();
    for entry in entries.iter().filter(|entry| entry.rank < 3) {
        let target = &entry.request.target;
        if let (Some(kind), Some(id)) = (target.kind, &target.id) {
            if seen.contains(&(kind, id)) {
                return Err(changed_twice(entry.number));
            }
            seen.push((kind, id));
        }
        let name = entry.full_url.as_deref();
        let twins = entries.iter().filter(|other| name.is_some() && other.full_url.as_deref() == name);
        if twins.count() > 1 {
            let told = "Two entries of this transaction have the same fullUrl.";
            let at = format!("Bundle.entry[{}]", entry.number);
            return Err(Refusal::new(400, Issue::error(IssueType::Invalid, told).at(at)));
        }
    }
    Ok(())
}
