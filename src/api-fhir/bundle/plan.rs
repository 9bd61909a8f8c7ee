//! The plan of a transaction: each entry authorized and validated, and all put in the order of R4 (B-01),
//! before the transaction begins. The work is linear in the Bundle, except for sorting.
//!
//! While the writer is held no body is read: the ids of new resources are assigned here, so that a link is
//! known before its target is created. Conditions are evaluated before the transaction ([`ResolvedConditions`]), and again
//! in it; if the result differs, the transaction is rolled back and planned again with the new result.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use serde_json::Value;

use crate::bundle::entry::BundleEntry;
use crate::bundle::links::{Links, condition, put, rewrite};
use crate::bundle::refusal::in_entry;
use crate::context::Context;
use crate::interaction::conditional::Match;
use crate::interaction::request::{Body, FhirRequest, Handler, Prepared};
use crate::interaction::{
    authorize, check, condition_of, conditional, keep_head, outcome_of, read_draft, replaces_document,
};
use crate::refusal::Refusal;
use crate::search::query::pairs;
use base::ids;
use fhir::outcome::{Issue, IssueType};
use store::Tx;

/// The most conditional references of one Bundle: each is a search.
const MOST_CONDITIONAL: usize = 100;

/// A transaction that can begin: its steps, in order.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(super) steps: Vec<PlannedEntry>,
    /// The URL of each entry that creates or changes a resource: `Type/id`, by fullUrl.
    pub(super) places: HashMap<String, String>,
    /// The results of its conditional references.
    pub(super) found: HashMap<String, String>,
}

/// An entry, and its dependencies.
#[derive(Clone, Debug)]
pub(super) struct PlannedEntry {
    pub(super) entry: BundleEntry,
    /// Whether other entries refer to it.
    pub(super) is_named: bool,
    /// The part that is read again for each attempt, where the result of a condition is part of the body.
    open: Option<Open>,
}

/// A body that depends on the result of a condition.
#[derive(Clone, Debug)]
struct Open {
    body: Value,
    /// The positions of its conditional references: JSON pointers.
    pointers: Vec<String>,
    /// Those references, without duplicates.
    references: BTreeSet<String>,
}

/// The results of conditions.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResolvedConditions {
    /// The results of conditional references: `Type/id`.
    pub(super) references: HashMap<String, String>,
    /// The results of the conditions of entries that others refer to: the fullUrl, and `Type/id`.
    pub(super) places: HashMap<String, String>,
}

impl ResolvedConditions {
    pub(super) fn is_empty(&self) -> bool {
        self.references.is_empty() && self.places.is_empty()
    }

    /// Adds later results.
    pub(crate) fn extend(&mut self, later: Self) {
        self.references.extend(later.references);
        self.places.extend(later.places);
    }
}

impl PlannedEntry {
    /// Whether the entry only reads.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.entry.request.route.handler, Handler::One(_) | Handler::Read(_) | Handler::Search(_))
    }

    /// Its conditional references, without duplicates.
    pub(super) fn references(&self) -> impl Iterator<Item = &String> {
        self.open.iter().flat_map(|open| &open.references)
    }
}

impl Plan {
    /// The number of entries.
    pub(crate) fn entries(&self) -> usize {
        self.steps.len()
    }

    /// Whether all entries only read.
    pub(crate) fn is_read(&self) -> bool {
        self.steps.iter().all(PlannedEntry::is_read)
    }

    /// Whether a body depends on the result of a condition.
    pub(crate) fn is_open(&self) -> bool {
        self.steps.iter().any(|step| step.open.is_some())
    }

    /// The requests of the entries that only read, with their indexes.
    pub(crate) fn reads(&self) -> Vec<(usize, FhirRequest)> {
        let reads = self.steps.iter().filter(|step| step.is_read());
        reads.map(|step| (step.entry.number, step.entry.request.clone())).collect()
    }

    /// The requests that patch or replace a resource, with the indexes of their entries.
    pub(crate) fn changes(&mut self) -> impl Iterator<Item = (usize, &mut FhirRequest)> {
        let requests = self.steps.iter_mut().map(|step| (step.entry.number, &mut step.entry.request));
        requests.filter(|(_, request)| {
            matches!(request.route.handler, Handler::Patch(_)) || replaces_document(request)
        })
    }

    /// Authorizes and validates entries, and puts them in order.
    pub(crate) fn of(context: &Context, mut entries: Vec<BundleEntry>) -> Result<Self, Refusal> {
        for entry in &entries {
            authorize(context, &entry.request).map_err(|refusal| in_entry(refusal, entry.number))?;
        }
        check_identities(&entries)?;
        let links = read_links(&entries)?;
        let order = order(&entries, &links)?;
        let places = draw_places(context, &mut entries);
        let named: HashSet<usize> = links.iter().flat_map(|links| links.entries.iter().copied()).collect();
        let waiting: HashSet<usize> = named
            .iter()
            .copied()
            .filter(|at| entries.get(*at).is_some_and(|entry| condition_of(&entry.request).is_some()))
            .collect();
        let mut steps = Vec::with_capacity(entries.len());
        for (at, (entry, links)) in entries.into_iter().zip(links).enumerate() {
            let is_open =
                !links.conditional.is_empty() || links.entries.iter().any(|other| waiting.contains(other));
            let mut step = PlannedEntry { entry, is_named: named.contains(&at), open: None };
            let pointers = is_open.then_some(links.conditional);
            validate_entry(context, &mut step, pointers, (!links.entries.is_empty()).then_some(&places))
                .map_err(|refusal| in_entry(refusal, step.entry.number))?;
            steps.push(Some(step));
        }
        let steps = order.into_iter().filter_map(|at| steps.get_mut(at).and_then(Option::take)).collect();
        Ok(Self { steps, places, found: HashMap::new() })
    }

    /// Evaluates the conditions before the transaction. A condition that matches nothing, or too much, is
    /// refused when its entry is processed.
    pub(crate) fn expect(&self, tx: &mut Tx<'_>, context: &Context) -> Result<ResolvedConditions, Refusal> {
        let mut found = ResolvedConditions::default();
        for step in &self.steps {
            for reference in step.references() {
                if found.references.contains_key(reference) {
                    continue;
                }
                if let Some(place) = find_reference(tx, context, reference).or_else(unless_fault)? {
                    found.references.insert(reference.clone(), place);
                }
            }
            let FhirRequest { target, .. } = &step.entry.request;
            if let (true, Some(name), Some(kind), Some(params)) =
                (step.is_named, &step.entry.full_url, target.kind, condition_of(&step.entry.request))
                && let Some(Match::One(id)) =
                    conditional::find_id(tx, context, kind, &params).map(Some).or_else(unless_fault)?
            {
                found.places.insert(name.clone(), format!("{}/{id}", kind.name()));
            }
        }
        Ok(found)
    }

    /// Reads the bodies that depend on conditions.
    pub(crate) fn prepare(&mut self, context: &Context, found: ResolvedConditions) -> Result<(), Refusal> {
        self.places.extend(found.places);
        self.found = found.references;
        for step in &mut self.steps {
            let Some(Open { body, pointers, references }) = &step.open else { continue };
            // It is refused, or matches, when the entry is processed.
            if references.iter().any(|reference| !self.found.contains_key(reference)) {
                continue;
            }
            let mut body = body.clone();
            rewrite(&mut body, &self.places);
            put(&mut body, pointers, &self.found);
            step.entry.request.body = Some(Body::Resource(body));
            let read = read_draft(context, &mut step.entry.request);
            read.map_err(|refusal| in_entry(refusal, step.entry.number))?;
            if step.entry.request.route.handler.purpose().is_some() {
                keep_head(&mut step.entry.request);
            }
        }
        Ok(())
    }
}

/// The resource that a conditional reference matches: `Type/id`. None, or more than one, is refused.
pub(super) fn find_reference(
    tx: &mut Tx<'_>,
    context: &Context,
    reference: &str,
) -> Result<Option<String>, Refusal> {
    let Some((kind, query)) = condition(reference) else { return Ok(None) };
    match conditional::find_id(tx, context, kind, &pairs(query))? {
        Match::One(id) => Ok(Some(format!("{}/{id}", kind.name()))),
        Match::None | Match::Many => {
            let message = "A conditional reference must match exactly one resource.";
            Err(Refusal::new(412, Issue::error(IssueType::NotFound, message)))
        }
    }
}

/// `None` for a refusal that is reported when the entry is processed.
fn unless_fault<T>(refusal: Refusal) -> Result<Option<T>, Refusal> {
    if refusal.status >= 500 { Err(refusal) } else { Ok(None) }
}

/// Validates the body of an entry, with a URL in place of each name, and reads it. A body with `pointers` to
/// conditional references, which may be none, is read when their results are known ([`Plan::prepare`]).
fn validate_entry(
    context: &Context,
    step: &mut PlannedEntry,
    pointers: Option<Vec<String>>,
    places: Option<&HashMap<String, String>>,
) -> Result<(), Refusal> {
    let request = &mut step.entry.request;
    if matches!(request.route.handler, Handler::Validate(_)) {
        if matches!(request.body, Some(Body::Resource(_))) {
            request.prepared = Prepared::Outcome(outcome_of(request, None)?);
        }
        return Ok(());
    }
    let (Some(Body::Resource(body)), Some(kind)) = (&mut request.body, request.target.kind) else {
        return Ok(());
    };
    if let Some(pointers) = pointers {
        let text = |pointer: &String| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let references = pointers.iter().filter_map(text).collect();
        step.open = Some(Open { body: body.clone(), pointers, references });
    }
    if let Some(places) = places {
        rewrite(body, places);
    }
    if request.route.handler.purpose().is_none() {
        return Ok(());
    }
    check(body, kind)?;
    if step.open.is_none() {
        read_draft(context, request)?;
    }
    keep_head(request);
    Ok(())
}

/// B-03: no resource may be changed twice.
fn check_identities(entries: &[BundleEntry]) -> Result<(), Refusal> {
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for name in entries.iter().filter_map(|entry| entry.full_url.as_deref()) {
        *uses.entry(name).or_default() += 1;
    }
    let mut seen = HashSet::new();
    for entry in entries.iter().filter(|entry| entry.rank < 3) {
        let target = &entry.request.target;
        if let (Some(kind), Some(id)) = (target.kind, &target.id)
            && !seen.insert((kind, id))
        {
            return Err(changed_twice(entry.number));
        }
        if entry.full_url.as_deref().and_then(|name| uses.get(name)).is_some_and(|uses| *uses > 1) {
            let message = "Two entries of this transaction have the same fullUrl.";
            let at = format!("Bundle.entry[{}]", entry.number);
            return Err(Refusal::new(400, Issue::error(IssueType::Invalid, message).at(at)));
        }
    }
    Ok(())
}

pub(super) fn changed_twice(number: usize) -> Refusal {
    let message = "Two entries of this transaction change the same resource.";
    Refusal::new(400, Issue::error(IssueType::Invalid, message).at(format!("Bundle.entry[{number}]")))
}

/// The references of each entry, in the order of the entries.
fn read_links(entries: &[BundleEntry]) -> Result<Vec<Links>, Refusal> {
    let names = entries.iter().enumerate();
    let names: HashMap<&str, usize> =
        names.filter_map(|(at, entry)| Some((entry.full_url.as_deref()?, at))).collect();
    let mut conditional = 0;
    let mut all = Vec::with_capacity(entries.len());
    for entry in entries {
        let links = match &entry.request.body {
            Some(Body::Resource(body)) => Links::of(body, &names),
            Some(Body::JsonPatch(_)) | None => Links::default(),
        };
        conditional += links.conditional.len();
        if conditional > MOST_CONDITIONAL {
            let message = "Send fewer conditional references at a time: one hundred at most in one Bundle.";
            let at = format!("Bundle.entry[{}]", entry.number);
            return Err(Refusal::new(422, Issue::error(IssueType::TooCostly, message).at(at)));
        }
        all.push(links);
    }
    Ok(all)
}

/// The indexes of the entries in processing order: by rank, and a created resource before the entries that
/// refer to it.
fn order(entries: &[BundleEntry], links: &[Links]) -> Result<Vec<usize>, Refusal> {
    let creates = |at: &usize| entries.get(*at).is_some_and(BundleEntry::creates_under_name);
    // For each entry, those that depend on it; and the number of dependencies of each.
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); entries.len()];
    let mut missing: Vec<usize> = vec![0; entries.len()];
    for (at, (_, links)) in entries.iter().zip(links).enumerate().filter(|(_, (entry, _))| entry.rank == 1) {
        for other in links.entries.iter().filter(|other| **other != at && creates(other)) {
            if let (Some(waiting), Some(missing)) = (waiting.get_mut(*other), missing.get_mut(at)) {
                waiting.push(at);
                *missing += 1;
            }
        }
    }
    let mut ready: BinaryHeap<Reverse<(u8, usize)>> = BinaryHeap::new();
    ready.extend(
        entries
            .iter()
            .zip(&missing)
            .enumerate()
            .filter(|(_, (_, missing))| **missing == 0)
            .map(|(at, (entry, _))| Reverse((entry.rank, at))),
    );
    let mut order = Vec::with_capacity(entries.len());
    while let Some(Reverse((_, at))) = ready.pop() {
        order.push(at);
        for next in waiting.get_mut(at).map(std::mem::take).unwrap_or_default() {
            if let Some(missing) = missing.get_mut(next) {
                *missing -= 1;
                if *missing == 0 {
                    ready.push(Reverse((1, next)));
                }
            }
        }
    }
    if order.len() < entries.len() {
        let message = "Entries of this transaction refer to each other in a circle.";
        return Err(Refusal::new(422, Issue::error(IssueType::NotSupported, message).at("Bundle.entry")));
    }
    Ok(order)
}

/// Assigns the ids of new resources, so that each attempt creates the same, and returns the URL for each
/// name.
fn draw_places(context: &Context, entries: &mut [BundleEntry]) -> HashMap<String, String> {
    let mut places = HashMap::new();
    for BundleEntry { full_url, request, .. } in entries {
        let handler = request.route.handler;
        let makes = handler.purpose().is_some() || matches!(handler, Handler::Patch(_));
        let (true, Some(kind)) = (makes, request.target.kind) else { continue };
        let id = request.target.id.clone().unwrap_or_else(|| {
            let id = ids::new_uuid(context.now());
            request.new_id = Some(id);
            id.to_string()
        });
        if let Some(name) = full_url {
            places.insert(name.clone(), format!("{}/{id}", kind.name()));
        }
    }
    places
}
