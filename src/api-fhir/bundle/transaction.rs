//! A transaction: everything or nothing, in the order of R4, answered in the order of the request.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use crate::bundle::in_entry;
use crate::bundle::links;
use crate::bundle::plan::{Plan, Step, changed_twice};
use crate::context::Context;
use crate::interaction::conditional;
use crate::interaction::conditional::Match;
use crate::interaction::{Body, Reply, Request, condition_of, perform_judged, read_draft};
use crate::refusal::Refusal;
use crate::resource::Backing;
use crate::trail;
use domain::audit::Access;
use store::Tx;
use store::search::Table;

/// Carries every entry out, or none. The replies are in the order of the Bundle.
pub(crate) fn run(tx: &mut Tx<'_>, context: &Context, plan: &Plan) -> Result<Vec<Reply>, Refusal> {
    lock(tx, context, plan)?;
    let mut made: HashMap<String, String> = HashMap::new();
    let mut replies: Vec<(usize, Reply)> = Vec::with_capacity(plan.steps.len());
    let mut written: HashSet<String> = HashSet::new();
    let mut accesses: Vec<Access> = Vec::new();
    for step in &plan.steps {
        let entry = &step.entry;
        let recorded = tx.recorded();
        let reply = carry_out(tx, context, step, &made).map_err(|refusal| in_entry(refusal, entry.number))?;
        if let Some(location) = &reply.location {
            let unversioned = location.split_once("/_history/").map_or(location.as_str(), |(start, _)| start);
            let place = context.relative(unversioned).to_owned();
            // A condition may find what another entry changes; a create that finds changes nothing.
            if (entry.rank == 2 || reply.status == 201) && !written.insert(place.clone()) {
                return Err(changed_twice(entry.number));
            }
            if let Some(name) = &entry.full_url {
                made.insert(name.clone(), place);
            }
        }
        if tx.recorded() == recorded {
            let Request { route, target, params, .. } = &entry.request;
            let asked = trail::access(context, route, target, params);
            accesses.push(trail::answered(asked, &reply));
        }
        replies.push((entry.number, reply));
    }
    tx.record_accesses(&accesses.iter().collect::<Vec<_>>())?;
    replies.sort_by_key(|(number, _)| *number);
    Ok(replies.into_iter().map(|(_, reply)| reply).collect())
}

fn carry_out(
    tx: &mut Tx<'_>,
    context: &Context,
    step: &Step,
    made: &HashMap<String, String>,
) -> Result<Reply, Refusal> {
    let mut request = Cow::Borrowed(&step.entry.request);
    if step.is_open() {
        let request = request.to_mut();
        if let Some(Body::Resource(body)) = &mut request.body {
            if step.is_linked {
                links::rewrite(body, made);
            }
            links::resolve_conditional(tx, context, body, &step.conditional)?;
        }
        read_draft(context, request)?;
    }
    perform_judged(tx, context, &request)
}

/// Takes the locks of all that will be changed in one order, whatever the order of the entries: two transactions
/// over the same resources then wait for each other, and neither is given up. What a condition finds is looked up
/// for this; it is found again when its entry is carried out.
fn lock(tx: &mut Tx<'_>, context: &Context, plan: &Plan) -> Result<(), Refusal> {
    let writing = || plan.steps.iter().map(|step| &step.entry).filter(|entry| entry.rank < 3);
    if !tx.locks_rows() || writing().take(2).count() < 2 {
        return Ok(());
    }
    let mut conditions = BTreeSet::new();
    let mut rows: BTreeSet<(Table, String)> = BTreeSet::new();
    for entry in writing() {
        let Some(kind) = entry.request.target.kind else { continue };
        if let (Backing::Rows { table, .. }, Some(id)) = (kind.backing(), &entry.request.target.id) {
            rows.insert((table, id.clone()));
        } else if let Some(params) = condition_of(&entry.request) {
            conditions.insert((conditional::lock_name(kind, &params), kind, params));
        }
    }
    for (name, _, _) in &conditions {
        tx.lock_condition(name)?;
    }
    for (_, kind, params) in conditions {
        let Backing::Rows { table, .. } = kind.backing() else { continue };
        match conditional::find_id(tx, context, kind, &params) {
            Ok(Match::One(id)) => drop(rows.insert((table, id))),
            Err(refusal) if refusal.status >= 500 => return Err(refusal),
            // It is refused when its turn comes.
            Ok(Match::None | Match::Many) | Err(_) => {}
        }
    }
    Ok(tx.lock_rows(&rows)?)
}
