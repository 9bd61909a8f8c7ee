//! One page of a search, as a searchset. Pages follow each other by key, not by number: a link stays
//! right while rows are added.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::account::Letter;
use crate::fhir::context::Context;
use crate::fhir::enforce;
use crate::fhir::outcome::{Issue, IssueType};
use crate::fhir::refusal::Refusal;
use crate::fhir::resource::{Backing, ResourceType, Stored, load};
use crate::fhir::search::filter::filter_of;
use crate::fhir::search::param::{Index, Param};
use crate::fhir::search::query::bad;
use crate::fhir::search::{Query, Total, include, library};
use crate::ids;
use crate::json::has_control;
use crate::store::Tx;
use crate::store::search::{Column, Datum, Filter, Is, PageQuery, Position, SortKey, Table};

/// What a search is about.
pub(crate) struct Found<'q> {
    /// The types, in their order.
    pub(crate) kinds: &'q [ResourceType],
    /// What must hold besides the criteria: a compartment.
    pub(crate) within: Filter,
    /// The path that was asked for, below the base, for the links.
    pub(crate) path: &'q str,
}

/// Runs a search and renders its page.
pub(crate) fn search(
    tx: &mut Tx<'_>,
    context: &Context,
    found: &Found<'_>,
    query: &Query,
) -> Result<Value, Refusal> {
    let mut used = Vec::new();
    let start = query.page.as_deref().map(decode).transpose()?;
    let Start { kind: first, mut after, until } = start.unwrap_or_else(|| Start::first(context));
    let mut matches: Vec<Stored> = Vec::new();
    let mut next = None;
    let mut total = 0;
    for (number, kind) in found.kinds.iter().enumerate() {
        let plan = Plan::of(*kind, query, context, &mut used)?;
        let within = up_to(*kind, &found.within, &until);
        if query.is_count_only || query.total == Total::Accurate {
            total += plan.count(tx, context, &within)?;
        }
        let room = query.count - i64::try_from(matches.len()).unwrap_or(i64::MAX);
        if query.is_count_only || number < first || room < 0 || next.is_some() {
            continue;
        }
        let mut rows = plan.page(tx, context, &within, after.take(), room + 1)?;
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) > room {
            rows.truncate(usize::try_from(room).unwrap_or_default());
            next = Some(encode(number, rows.last(), &until));
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
    let included = include::resolve(tx, context, query, &matches, &mut used)?;
    used.extend(query.used.iter().filter(|(name, _)| !name.contains("include")).cloned());
    let links = links(context, found.path, &used, query, next);
    Ok(render(context, query, &matches, &included, total, links))
}

/// How one type is searched.
struct Plan {
    kind: ResourceType,
    filter: Filter,
    criteria: Vec<(String, String)>,
    order: Vec<SortKey>,
}

impl Plan {
    fn of(
        kind: ResourceType,
        query: &Query,
        context: &Context,
        used: &mut Vec<(String, String)>,
    ) -> Result<Self, Refusal> {
        let mut all = Vec::new();
        let mut criteria = Vec::new();
        for (key, value) in &query.criteria {
            if let Some(filter) = filter_of(kind, key, value, context)? {
                all.push(filter);
                criteria.push((key.clone(), value.clone()));
                if !used.contains(&(key.clone(), value.clone())) {
                    used.push((key.clone(), value.clone()));
                }
            }
        }
        let order = order(kind, query, context)?;
        let filter = enforce::limited(context, kind, Letter::Search, Filter::All(all))?;
        Ok(Self { kind, filter, criteria, order })
    }

    fn table(&self) -> Option<Table> {
        match self.kind.backing() {
            Backing::Rows { table, .. } => Some(table),
            Backing::Library => None,
        }
    }

    fn whole(&self, within: &Filter) -> Filter {
        Filter::All(vec![within.clone(), self.filter.clone()])
    }

    fn count(&self, tx: &mut Tx<'_>, context: &Context, within: &Filter) -> Result<i64, Refusal> {
        if let Some(table) = self.table() {
            return Ok(tx.count(table, &self.whole(within), context.scope())?);
        }
        let matching = library::find(self.kind, &self.criteria, context)?;
        Ok(i64::try_from(matching.len()).unwrap_or(i64::MAX))
    }

    fn page(
        &self,
        tx: &mut Tx<'_>,
        context: &Context,
        within: &Filter,
        after: Option<Position>,
        limit: i64,
    ) -> Result<Vec<Position>, Refusal> {
        let Some(table) = self.table() else {
            let matching = library::find(self.kind, &self.criteria, context)?.into_iter();
            let rest = matching.filter(|id| after.as_ref().is_none_or(|after| *id > after.id));
            let ids = rest.take(usize::try_from(limit).unwrap_or_default());
            return Ok(ids.map(|id| Position { values: Vec::new(), id }).collect());
        };
        let query = PageQuery { table, filter: self.whole(within), order: self.order.clone(), after, limit };
        Ok(tx.search(&query, context.scope())?)
    }
}

/// The order that `_sort` asks for (S-12).
fn order(kind: ResourceType, query: &Query, context: &Context) -> Result<Vec<SortKey>, Refusal> {
    let Backing::Rows { table, updated_at, .. } = kind.backing() else { return Ok(Vec::new()) };
    let mut order = Vec::new();
    for (name, is_descending) in &query.sort {
        let column = match name.as_str() {
            "_id" => Some(table.id()),
            "_lastUpdated" => Some(updated_at),
            _ => Param::find(kind, name).and_then(sortable),
        };
        match column {
            Some(column) => order.push(SortKey { column, is_descending: *is_descending }),
            None if context.is_strict => {
                let told = "This server does not sort by that parameter.";
                return Err(Refusal::new(400, Issue::error(IssueType::NotSupported, told)));
            }
            None => {}
        }
    }
    order.truncate(3);
    Ok(order)
}

fn sortable(param: &Param) -> Option<Column> {
    match param.index {
        Index::Token(_, column)
        | Index::Uri(column)
        | Index::LocalReference(column)
        | Index::Date(column, _) => Some(column),
        Index::Reference(reference) => Some(reference.column),
        Index::RoleStatus => Some(Column::text("status")),
        Index::RoleReason => Some(Column::text("reason_code")),
        Index::Names(parts) => Some(match parts {
            ["given"] => name_column("given"),
            _ => name_column("family"),
        }),
        Index::Absent
        | Index::Constant(_)
        | Index::Flag(_)
        | Index::RelationshipCode
        | Index::OfAct(_)
        | Index::Present(_)
        | Index::Agent
        | Index::Applicant
        | Index::Element(_) => None,
    }
}

/// The first name of a person, folded, as a scalar subselect.
fn name_column(part: &str) -> Column {
    Column::text(if part == "given" {
        "COALESCE((SELECT MIN(folded) FROM person_name_parts AS parts WHERE parts.nhs_number = people.nhs_number AND part = 'given'), '')"
    } else {
        "COALESCE((SELECT MIN(folded) FROM person_name_parts AS parts WHERE parts.nhs_number = people.nhs_number AND part = 'family'), '')"
    })
}

/// Where a page begins.
struct Start {
    /// With which of the types.
    kind: usize,
    /// After which row of it.
    after: Option<Position>,
    /// The last record of the audit that any page shows: each page leaves a record of its own, and would have
    /// to be followed by another for ever.
    until: String,
}

impl Start {
    fn first(context: &Context) -> Self {
        Self { kind: 0, after: None, until: ids::new_uuid(context.now()).to_string() }
    }
}

/// Narrows a search of the audit to what was there when its first page was read.
fn up_to(kind: ResourceType, within: &Filter, until: &str) -> Filter {
    if kind != ResourceType::AuditEvent {
        return within.clone();
    }
    let bound = Filter::Compare(Column::text("id"), Is::AtMost, Datum::Text(until.to_owned()));
    Filter::All(vec![within.clone(), bound])
}

/// A position as an opaque text: hexadecimal, so that it needs no escaping in a URL. Without a row, the
/// page begins with the first of the type.
fn encode(kind: usize, after: Option<&Position>, until: &str) -> String {
    let (id, values) = after.map(|after| (&after.id, &after.values)).unzip();
    let json = json!([
        kind.to_string(),
        id.map_or("", String::as_str),
        values.map_or(&[][..], Vec::as_slice),
        until
    ]);
    json.to_string().bytes().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn decode(text: &str) -> Result<Start, Refusal> {
    let read = || {
        let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
        let (kind, id, values, until): (String, String, Vec<String>, String) =
            serde_json::from_slice(&bytes?).ok()?;
        // PostgreSQL refuses a text with a NUL, wherever it was hidden.
        if has_control(&id) || has_control(&until) || values.iter().any(|value| has_control(value)) {
            return None;
        }
        let after = (!id.is_empty()).then_some(Position { values, id });
        Some(Start { kind: kind.parse().ok()?, after, until })
    };
    read().ok_or_else(|| bad("This page link is not one of this server's."))
}

fn links(
    context: &Context,
    path: &str,
    used: &[(String, String)],
    query: &Query,
    next: Option<String>,
) -> Vec<Value> {
    let url = |page: Option<&str>| {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        for (name, value) in used {
            pairs.append_pair(name, value);
        }
        if let Some(page) = page {
            pairs.append_pair("_page", page);
        }
        let query = pairs.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/{path}{mark}{query}", context.base)
    };
    let mut links = vec![json!({ "relation": "self", "url": url(query.page.as_deref()) })];
    if let Some(next) = next {
        links.push(json!({ "relation": "next", "url": url(Some(&next)) }));
    }
    links
}

fn render(
    context: &Context,
    query: &Query,
    matches: &[Stored],
    included: &[Stored],
    total: Option<i64>,
    links: Vec<Value>,
) -> Value {
    let entry = |stored: &Stored, mode: &str| {
        let mut entry = Map::new();
        let full_url = format!("{}/{}/{}", context.base, stored.kind.name(), stored.id);
        entry.insert("fullUrl".to_owned(), full_url.into());
        entry.insert("resource".to_owned(), query.shape.apply(stored.body.clone()));
        entry.insert("search".to_owned(), json!({ "mode": mode }));
        Value::Object(entry)
    };
    let matches = matches.iter().map(|stored| entry(stored, "match"));
    let entries: Vec<Value> = matches.chain(included.iter().map(|stored| entry(stored, "include"))).collect();
    let mut bundle = Map::new();
    bundle.insert("resourceType".to_owned(), "Bundle".into());
    bundle.insert("type".to_owned(), "searchset".into());
    if let Some(total) = total {
        bundle.insert("total".to_owned(), total.into());
    }
    bundle.insert("link".to_owned(), Value::Array(links));
    if !entries.is_empty() {
        bundle.insert("entry".to_owned(), Value::Array(entries));
    }
    Value::Object(bundle)
}
