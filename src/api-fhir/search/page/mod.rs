//! One page of a search. Pages follow each other by key, not by number: a link stays correct while rows are
//! added.

mod link;
mod order;
mod searchset;

use crate::authorize;
use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource;
use crate::resource::definition::Storage;
use crate::resource::form::{Content, Searchset};
use crate::resource::load;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use crate::search::filter::filter_of;
use crate::search::query::{SearchQuery, Total};
use crate::search::{include, library};
use domain::account::Permission;
use domain::audit::Disclosure;
use fhir::outcome::{Issue, IssueType};
use link::Start;
use order::Order;
use store::Tx;
use store::search::{AuditField, Datum, Field, Filter, Is, PageQuery, Position, Table};

/// The scope of a search.
pub(crate) struct SearchScope<'q> {
    /// The types, in their order; for each, a condition besides the criteria, such as its compartment.
    pub(crate) kinds: Vec<(ResourceType, Filter)>,
    /// The requested path, below the base, for the links.
    pub(crate) path: &'q str,
}

/// Runs a search, and renders its page; also returns what the page discloses.
pub(crate) fn search(
    tx: &mut Tx<'_>,
    context: &Context,
    found: &SearchScope<'_>,
    query: &SearchQuery,
) -> Result<(Vec<Disclosure>, Content), Refusal> {
    let mut used: Vec<(String, String)> = Vec::new();
    let mut sorted = Vec::new();
    let start = query.page.as_deref().map(Start::decode).transpose()?;
    let Start { kind: first, mut after, until } = start.unwrap_or_else(|| Start::first(context));
    let mut matches: Vec<StoredResource> = Vec::new();
    let mut next = None;
    let mut total = 0;
    for (number, (kind, within)) in found.kinds.iter().enumerate() {
        let plan = Plan::of(*kind, &up_to(*kind, within, &until), query, context)?;
        for criterion in &plan.criteria {
            if !used.contains(criterion) {
                used.push(criterion.clone());
            }
        }
        sorted.extend_from_slice(&plan.order.used);
        if query.is_count_only || query.total == Total::Accurate {
            total += plan.count(tx, context)?;
        }
        let room = query.count - i64::try_from(matches.len()).unwrap_or(i64::MAX);
        if query.is_count_only || number < first || room < 0 || next.is_some() {
            continue;
        }
        let mut rows = plan.page(tx, context, after.take(), room + 1)?;
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) > room {
            rows.truncate(usize::try_from(room).unwrap_or_default());
            next = Some(Start { kind: number, after: rows.last().cloned(), until: until.clone() });
        }
        let ids: Vec<String> = rows.into_iter().map(|row| row.id).collect();
        matches.extend(load(tx, context, *kind, &ids)?);
    }
    let is_whole = query.page.is_none() && next.is_none() && !query.is_count_only;
    let known = i64::try_from(matches.len()).unwrap_or(i64::MAX);
    let total = match query.total {
        _ if query.is_count_only => Some(total),
        Total::Accurate => Some(total),
        Total::IfKnown if is_whole => Some(known),
        Total::IfKnown | Total::None => None,
    };
    if !query.includes.is_empty() {
        // The references are looked up in it.
        for stored in &mut matches {
            stored.body.keep_tree();
        }
    }
    let included = include::resolve(tx, context, query, &matches, &mut used)?;
    used.extend(results_used(query, &sorted));
    let links = link::links(context, found.path, &used, query.page.as_deref(), next.as_ref());
    let disclosed = resource::disclosed(matches.iter().chain(&included));
    let entries = searchset::entries(context, &query.shape, matches, included);
    Ok((disclosed, Content::Searchset(Box::new(Searchset::new(total, links, entries)))))
}

/// Restricts a search of audit records to those that existed when its first page was read.
fn up_to(kind: ResourceType, within: &Filter, until: &str) -> Filter {
    if kind != ResourceType::AuditEvent {
        return within.clone();
    }
    let id = Field::Audit(AuditField::Id);
    let bound = Filter::Compare(id, Is::AtMost, Datum::Text(until.to_owned()));
    Filter::All(vec![within.clone(), bound])
}

/// The parameters that shape the result, for the self link. Includes are added elsewhere.
fn results_used(query: &SearchQuery, sorted: &[String]) -> Vec<(String, String)> {
    let results = query.used.iter().filter(|(name, _)| !name.contains("include"));
    let results = results.filter_map(|(name, value)| {
        let value = if name == "_sort" { order::render(query, sorted) } else { value.clone() };
        (!value.is_empty()).then(|| (name.clone(), value))
    });
    results.collect()
}

/// The statement of a search of one type.
pub(super) fn statement(
    kind: ResourceType,
    query: &SearchQuery,
    context: &Context,
) -> Result<Option<PageQuery>, Refusal> {
    let plan = Plan::of(kind, &Filter::EVERYTHING, query, context)?;
    Ok(plan.table().map(|table| plan.rows(table, None, query.count + 1)))
}

/// Refuses a search by agent roles or entity types alone: they are in no index, and audit records grow with
/// each access, so that a search for a rare one would scan every row.
fn check_cost(kind: ResourceType, criteria: &[(String, String)]) -> Result<(), Refusal> {
    let is_slow = |key: &str| {
        let name = key.split([':', '.']).next().unwrap_or_default();
        matches!(name, "entity-role" | "entity-type")
    };
    let is_alone = !criteria.is_empty() && criteria.iter().all(|(key, _)| is_slow(key));
    if kind == ResourceType::AuditEvent && is_alone {
        let message = "Also search by a patient, an entity, an agent, an act or a time.";
        return Err(Refusal::new(400, Issue::error(IssueType::TooCostly, message)));
    }
    Ok(())
}

/// How one type is searched.
struct Plan {
    kind: ResourceType,
    filter: Filter,
    criteria: Vec<(String, String)>,
    order: Order,
}

impl Plan {
    fn of(
        kind: ResourceType,
        within: &Filter,
        query: &SearchQuery,
        context: &Context,
    ) -> Result<Self, Refusal> {
        let mut all = vec![within.clone()];
        let mut criteria = Vec::new();
        for (key, value) in &query.criteria {
            if let Some(filter) = filter_of(kind, key, value, context)? {
                all.push(filter);
                criteria.push((key.clone(), value.clone()));
            }
        }
        check_cost(kind, &criteria)?;
        let order = Order::of(kind, query, context)?;
        let filter = authorize::restrict(context, kind, Permission::Search, Filter::All(all))?;
        Ok(Self { kind, filter, criteria, order })
    }

    fn table(&self) -> Option<Table> {
        match self.kind.storage() {
            Storage::Rows { table, .. } => Some(table),
            Storage::Library => None,
        }
    }

    fn rows(&self, table: Table, after: Option<Position>, limit: i64) -> PageQuery {
        PageQuery { table, filter: self.filter.clone(), order: self.order.rows.clone(), after, limit }
    }

    fn count(&self, tx: &mut Tx<'_>, context: &Context) -> Result<i64, Refusal> {
        if let Some(table) = self.table() {
            return Ok(tx.count(table, &self.filter, context.scope())?);
        }
        let matching = library::find(self.kind, &self.criteria, &self.order.elements, context)?;
        Ok(i64::try_from(matching.len()).unwrap_or(i64::MAX))
    }

    fn page(
        &self,
        tx: &mut Tx<'_>,
        context: &Context,
        after: Option<Position>,
        limit: i64,
    ) -> Result<Vec<Position>, Refusal> {
        if let Some(table) = self.table() {
            return Ok(tx.search(&self.rows(table, after, limit), context.scope())?);
        }
        let matching = library::find(self.kind, &self.criteria, &self.order.elements, context)?;
        // A link names a definition, and definitions do not change at run time.
        let place = after.and_then(|after| matching.iter().position(|stored| stored.id == after.id));
        let rest = matching.into_iter().skip(place.map_or(0, |place| place + 1));
        let rest = rest.take(usize::try_from(limit).unwrap_or_default());
        Ok(rest.map(|stored| Position { values: Vec::new(), id: stored.id.clone() }).collect())
    }
}
