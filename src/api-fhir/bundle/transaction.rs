//! Runs a transaction: all entries or none, in the order of R4, with the responses in the order of the
//! request.

use std::collections::{BTreeSet, HashSet};

use crate::audit;
use crate::bundle::plan::{Plan, PlannedEntry, ResolvedConditions, changed_twice, find_reference};
use crate::bundle::refusal::in_entry;
use crate::context::Context;
use crate::interaction::conditional::Match;
use crate::interaction::reply::Reply;
use crate::interaction::request::FhirRequest;
use crate::interaction::{condition_of, conditional, execute_authorized};
use crate::refusal::Refusal;
use crate::resource::definition::Storage;
use base::error::Error;
use domain::audit::Access;
use store::Tx;
use store::search::Table;

/// Why a transaction was rolled back.
#[derive(Debug)]
pub(crate) enum Undone {
    /// It is refused.
    Refused(Refusal),
    /// Its conditions matched something unexpected: it must be planned again with these results.
    Otherwise(ResolvedConditions),
}

impl From<Refusal> for Undone {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

/// Runs all entries, or none. The replies are in the order of the Bundle.
pub(crate) fn run(tx: &mut Tx<'_>, context: &Context, plan: &Plan) -> Result<Vec<Reply>, Undone> {
    lock(tx, context, plan)?;
    let mut replies: Vec<(usize, Reply)> = Vec::with_capacity(plan.steps.len());
    let mut written: HashSet<String> = HashSet::new();
    let mut accesses: Vec<Access> = Vec::new();
    let mut otherwise = ResolvedConditions::default();
    for step in &plan.steps {
        let recorded = tx.recorded();
        let reply = match execute_entry(tx, context, (step, plan), &mut otherwise) {
            Ok(Some(reply)) => reply,
            Ok(None) => continue,
            // The refusal may be due to a step that was skipped.
            Err(refusal) if refusal.status < 500 && !otherwise.is_empty() => break,
            Err(refusal) => return Err(in_entry(refusal, step.entry.number).into()),
        };
        note_place(context, (step, plan), &reply, (&mut written, &mut otherwise))?;
        if tx.recorded() == recorded && !step.is_read() {
            let FhirRequest { route, target, params, .. } = &step.entry.request;
            let asked = audit::access(context, route, target, params);
            accesses.push(audit::answered(asked, &reply));
        }
        replies.push((step.entry.number, reply));
    }
    if !otherwise.is_empty() {
        return Err(Undone::Otherwise(otherwise));
    }
    tx.record_accesses(&accesses.iter().collect::<Vec<_>>())?;
    replies.sort_by_key(|(number, _)| *number);
    Ok(replies.into_iter().map(|(_, reply)| reply).collect())
}

/// Runs one entry; `None` where a reference of it has another result than the one it was read with.
fn execute_entry(
    tx: &mut Tx<'_>,
    context: &Context,
    (step, plan): (&PlannedEntry, &Plan),
    otherwise: &mut ResolvedConditions,
) -> Result<Option<Reply>, Refusal> {
    let mut is_as_read = true;
    for reference in step.references() {
        let place = find_reference(tx, context, reference)?;
        if let Some(place) = place.filter(|place| plan.found.get(reference) != Some(place)) {
            otherwise.references.insert(reference.clone(), place);
            is_as_read = false;
        }
    }
    if !is_as_read {
        return Ok(None);
    }
    execute_authorized(tx, context, &step.entry.request).map(Some)
}

/// Records the resource that an entry created or changed.
fn note_place(
    context: &Context,
    (step, plan): (&PlannedEntry, &Plan),
    reply: &Reply,
    (written, otherwise): (&mut HashSet<String>, &mut ResolvedConditions),
) -> Result<(), Refusal> {
    let Some(location) = &reply.location else { return Ok(()) };
    let unversioned = location.split_once("/_history/").map_or(location.as_str(), |(start, _)| start);
    let place = context.relative(unversioned).to_owned();
    if let (true, Some(name)) = (step.is_named, &step.entry.full_url)
        && plan.places.get(name).is_some_and(|expected| *expected != place)
    {
        otherwise.places.insert(name.clone(), place.clone());
    }
    // A condition may match a resource that another entry changes; a conditional create that matches changes
    // nothing.
    if (step.entry.rank == 2 || reply.status == 201) && !written.insert(place) {
        return Err(changed_twice(step.entry.number));
    }
    Ok(())
}

/// Locks all resources that will be changed in one order, whatever the order of the entries: two transactions
/// over the same resources then wait for each other, and neither is aborted. Conditions are evaluated for
/// this, and again when their entry is processed.
fn lock(tx: &mut Tx<'_>, context: &Context, plan: &Plan) -> Result<(), Undone> {
    let writing = || plan.steps.iter().map(|step| &step.entry).filter(|entry| entry.rank < 3);
    if !tx.locks_rows() || writing().take(2).count() < 2 {
        return Ok(());
    }
    let mut conditions = BTreeSet::new();
    let mut rows: BTreeSet<(Table, String)> = BTreeSet::new();
    for entry in writing() {
        let Some(kind) = entry.request.target.kind else { continue };
        if let (Storage::Rows { table, .. }, Some(id)) = (kind.storage(), &entry.request.target.id) {
            rows.insert((table, id.clone()));
        } else if let Some(params) = condition_of(&entry.request) {
            conditions.insert((conditional::lock_name(kind, &params), kind, params));
        }
    }
    for (name, _, _) in &conditions {
        tx.lock_condition(name)?;
    }
    for (_, kind, params) in conditions {
        let Storage::Rows { table, .. } = kind.storage() else { continue };
        match conditional::find_id(tx, context, kind, &params) {
            Ok(Match::One(id)) => drop(rows.insert((table, id))),
            Err(refusal) if refusal.status >= 500 => return Err(refusal.into()),
            // The refusal is reported when the entry is processed.
            Ok(Match::None | Match::Many) | Err(_) => {}
        }
    }
    Ok(tx.lock_rows(&rows)?)
}
