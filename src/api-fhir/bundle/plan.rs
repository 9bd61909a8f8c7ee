//! What a transaction will do, worked out before it begins: each entry authorized and validated, the whole put in
//! the order of R4 (B-01). The work is linear in the Bundle, but for the sorting of its entries.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::bundle::links::{Links, rewrite};
use crate::bundle::{Entry, in_entry};
use crate::context::Context;
use crate::interaction::{Body, Prepared, Request, authorize, check, keep_head, outcome_of, read_draft};
use crate::refusal::Refusal;
use crate::routes::Handler;
use fhir::outcome::{Issue, IssueType};

/// The most conditional references of one Bundle: each is a search.
const MOST_CONDITIONAL: usize = 100;
/// Stands for the id of what is still to be made.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// A transaction that may begin: what it does, in order.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) steps: Vec<Step>,
}

/// An entry, and what must be put into its body first.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) entry: Entry,
    /// Whether it names other entries.
    pub(super) is_linked: bool,
    /// Where its conditional references stand.
    pub(super) conditional: Vec<String>,
}

impl Step {
    fn of(entry: Entry, links: Links) -> Self {
        Self { entry, is_linked: !links.entries.is_empty(), conditional: links.conditional }
    }

    /// Whether its body is known in the transaction only.
    pub(super) fn is_open(&self) -> bool {
        self.is_linked || !self.conditional.is_empty()
    }
}

impl Plan {
    /// How many entries it has.
    pub(crate) fn entries(&self) -> usize {
        self.steps.len()
    }

    /// Judges entries and puts them in order.
    pub(crate) fn of(context: &Context, entries: Vec<Entry>) -> Result<Self, Refusal> {
        for entry in &entries {
            authorize(context, &entry.request).map_err(|refusal| in_entry(refusal, entry.number))?;
        }
        check_identities(&entries)?;
        let links = read_links(&entries)?;
        let order = order(&entries, &links)?;
        let places = places(&entries);
        let mut steps = Vec::with_capacity(entries.len());
        for (entry, links) in entries.into_iter().zip(links) {
            let mut step = Step::of(entry, links);
            judge(context, &mut step, &places).map_err(|refusal| in_entry(refusal, step.entry.number))?;
            steps.push(Some(step));
        }
        let steps = order.into_iter().filter_map(|at| steps.get_mut(at).and_then(Option::take)).collect();
        Ok(Self { steps })
    }

    /// The requests that patch what is stored, and the numbers of their entries.
    pub(crate) fn patches(&mut self) -> impl Iterator<Item = (usize, &mut Request)> {
        let known = self.steps.iter_mut().filter(|step| !step.is_open());
        let requests = known.map(|step| (step.entry.number, &mut step.entry.request));
        requests.filter(|(_, request)| matches!(request.route.handler, Handler::Patch(_)))
    }
}

/// Validates what an entry brings. A body that names what is still to be made is validated with a place of the same
/// type in the stead of each name, and read in the transaction.
fn judge(context: &Context, step: &mut Step, places: &HashMap<String, String>) -> Result<(), Refusal> {
    let is_open = step.is_open();
    let request = &mut step.entry.request;
    if matches!(request.route.handler, Handler::Validate(_)) {
        if matches!(request.body, Some(Body::Resource(_))) {
            request.prepared = Prepared::Outcome(outcome_of(request, None)?);
        }
        return Ok(());
    }
    let (Some(Body::Resource(body)), Some(kind)) = (&request.body, request.target.kind) else {
        return Ok(());
    };
    if request.route.handler.purpose().is_none() {
        return Ok(());
    }
    if step.is_linked {
        let mut body = body.clone();
        rewrite(&mut body, places);
        check(&body, kind)?;
    } else {
        check(body, kind)?;
    }
    if !is_open {
        read_draft(context, request)?;
        keep_head(request);
    }
    Ok(())
}

/// B-03: no resource may be changed twice.
fn check_identities(entries: &[Entry]) -> Result<(), Refusal> {
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
            let told = "Two entries of this transaction have the same fullUrl.";
            let at = format!("Bundle.entry[{}]", entry.number);
            return Err(Refusal::new(400, Issue::error(IssueType::Invalid, told).at(at)));
        }
    }
    Ok(())
}

pub(super) fn changed_twice(number: usize) -> Refusal {
    let told = "Two entries of this transaction change the same resource.";
    Refusal::new(400, Issue::error(IssueType::Invalid, told).at(format!("Bundle.entry[{number}]")))
}

/// What each entry refers to, in the order of the entries.
fn read_links(entries: &[Entry]) -> Result<Vec<Links>, Refusal> {
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
            let told = "Send fewer conditional references at a time: one hundred at most in one Bundle.";
            let at = format!("Bundle.entry[{}]", entry.number);
            return Err(Refusal::new(422, Issue::error(IssueType::TooCostly, told).at(at)));
        }
        all.push(links);
    }
    Ok(all)
}

/// The places of the entries in the order of the work: by rank, and what creates before what refers to it.
fn order(entries: &[Entry], links: &[Links]) -> Result<Vec<usize>, Refusal> {
    let creates = |at: &usize| entries.get(*at).is_some_and(Entry::creates_under_name);
    // For each entry, those that wait for it; and how many each waits for.
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
        let told = "Entries of this transaction refer to each other in a circle.";
        return Err(Refusal::new(422, Issue::error(IssueType::NotSupported, told).at("Bundle.entry")));
    }
    Ok(order)
}

/// What stands for each name until it is known: a place of the same type.
fn places(entries: &[Entry]) -> HashMap<String, String> {
    let place = |entry: &Entry| {
        let target = &entry.request.target;
        let id = target.id.as_deref().unwrap_or(NO_ID);
        Some((entry.full_url.clone()?, format!("{}/{id}", target.kind?.name())))
    };
    entries.iter().filter_map(place).collect()
}
