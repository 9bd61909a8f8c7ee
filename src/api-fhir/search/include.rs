//! `_include` and `_revinclude` (S-15): the resources that the matches refer to, and those that refer to
//! them. Each is found by its own search, so that no resource appears that the caller may not see (S-16).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::authorize;
use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::definition::Storage;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use crate::resource::{load, select};
use crate::search::param::{Param, SearchTarget};
use crate::search::query::SearchQuery;
use domain::account::Permission;
use fhir::outcome::{Issue, IssueType};
use store::Tx;
use store::search::{Filter, PageQuery};

/// The most resources of one reverse include.
const MOST: i64 = 1000;
/// The most rounds of an iterating include.
const ROUNDS: usize = 4;

/// A parsed include.
struct Include {
    source: ResourceType,
    /// `None` for `*`: every reference.
    param: Option<&'static Param>,
    target: Option<ResourceType>,
    iterates: bool,
    is_reverse: bool,
}

/// Everything to be included with the matches, without duplicates.
pub(super) fn resolve(
    tx: &mut Tx<'_>,
    context: &Context,
    query: &SearchQuery,
    matches: &[StoredResource],
    used: &mut Vec<(String, String)>,
) -> Result<Vec<StoredResource>, Refusal> {
    let mut includes = Vec::new();
    for (is_reverse, asked) in [(false, &query.includes), (true, &query.revincludes)] {
        for (value, iterates) in asked {
            let read = read(value, *iterates, is_reverse, context)?;
            if !read.is_empty() {
                includes.extend(read);
                let name = if is_reverse { "_revinclude" } else { "_include" };
                let name = if *iterates { format!("{name}:iterate") } else { name.to_owned() };
                used.push((name, value.clone()));
            }
        }
    }
    let key = |stored: &StoredResource| (stored.kind, stored.id.clone());
    let mut seen: BTreeSet<(ResourceType, String)> = matches.iter().map(key).collect();
    let mut beside: Vec<StoredResource> = Vec::new();
    // The index of the first resource that the previous round found.
    let mut found_last = 0;
    for number in 0..ROUNDS {
        let round = if number == 0 { matches } else { beside.get(found_last..).unwrap_or_default() };
        let mut wanted = BTreeSet::new();
        for include in includes.iter().filter(|include| number == 0 || include.iterates) {
            wanted.extend(if include.is_reverse {
                referring(tx, context, include, round)?
            } else {
                referred(context, include, round)
            });
        }
        found_last = beside.len();
        // The results of several includes are loaded together.
        for kind in ResourceType::ALL {
            let ids = wanted.iter().filter(|wanted| wanted.0 == kind && !seen.contains(*wanted));
            let ids: Vec<String> = ids.map(|(_, id)| id.clone()).collect();
            if !ids.is_empty() {
                beside.extend(visible(tx, context, kind, ids)?);
            }
        }
        let fresh = beside.get(found_last..).unwrap_or_default();
        if fresh.is_empty() {
            break;
        }
        seen.extend(fresh.iter().map(key));
    }
    Ok(beside)
}

/// `Type:param[:RequestTarget]`, or `Type:*`, or `*`.
fn read(value: &str, iterates: bool, is_reverse: bool, context: &Context) -> Result<Vec<Include>, Refusal> {
    if value == "*" && !is_reverse {
        let every = |source| Include { source, param: None, target: None, iterates, is_reverse };
        return Ok(ResourceType::ALL.map(every).into());
    }
    let mut parts = value.split(':');
    let source = parts.next().and_then(ResourceType::parse);
    let name = parts.next();
    let target = parts.next().map(ResourceType::parse);
    let param = match (source, name) {
        (Some(_), Some("*")) => Some(None),
        (Some(source), Some(name)) => {
            Param::find(source, name).filter(|param| !param.path.is_empty()).map(Some)
        }
        _ => None,
    };
    match (source, param, target) {
        (Some(source), Some(param), None | Some(Some(_))) => {
            Ok(vec![Include { source, param, target: target.flatten(), iterates, is_reverse }])
        }
        _ if context.is_strict => {
            let message = "This include is not supported.";
            Err(Refusal::new(400, Issue::error(IssueType::NotSupported, message)))
        }
        _ => Ok(Vec::new()),
    }
}

fn params(include: &Include) -> Vec<&'static Param> {
    match include.param {
        Some(param) => vec![param],
        None => include.source.params().iter().filter(|param| !param.path.is_empty()).collect(),
    }
}

/// The resources that these refer to.
fn referred(
    context: &Context,
    include: &Include,
    round: &[StoredResource],
) -> BTreeSet<(ResourceType, String)> {
    let mut wanted = BTreeSet::new();
    for stored in round.iter().filter(|stored| stored.kind == include.source) {
        let tree = stored.body.tree();
        for param in params(include) {
            for reference in references(&tree, param.path) {
                let relative = context.relative(reference);
                let unversioned = relative.split_once("/_history/").map_or(relative, |(start, _)| start);
                let Some((kind, id)) = unversioned.split_once('/') else { continue };
                let kind = ResourceType::parse(kind);
                if let Some(kind) = kind.filter(|kind| include.target.is_none_or(|target| target == *kind)) {
                    wanted.insert((kind, id.to_owned()));
                }
            }
        }
    }
    wanted
}

/// The references at a path, through every array of it.
fn references<'v>(value: &'v Value, path: &[&str]) -> Vec<&'v str> {
    if let Some(items) = value.as_array() {
        return items.iter().flat_map(|item| references(item, path)).collect();
    }
    match path.split_first() {
        Some((name, rest)) => value.get(name).map(|value| references(value, rest)).unwrap_or_default(),
        None => value.get("reference").and_then(Value::as_str).into_iter().collect(),
    }
}

/// The resources that refer to these.
fn referring(
    tx: &mut Tx<'_>,
    context: &Context,
    include: &Include,
    round: &[StoredResource],
) -> Result<BTreeSet<(ResourceType, String)>, Refusal> {
    let Storage::Rows { table, .. } = include.source.storage() else { return Ok(BTreeSet::new()) };
    let mut any = Vec::new();
    for param in params(include) {
        if let SearchTarget::Reference(reference) = param.target {
            let ids = round.iter().filter(|stored| reference.targets.contains(&stored.kind));
            let ids: Vec<String> = ids.map(|stored| stored.id.clone()).collect();
            if !ids.is_empty() {
                any.push(Filter::OneOf(reference.field, ids));
            }
        } else if let SearchTarget::LocalReference(field) = param.target {
            let local = round.iter().map(|stored| format!("{}/{}", stored.kind.name(), stored.id));
            any.push(Filter::OneOf(field, local.collect()));
        }
    }
    // None of this round can be the target of the reference.
    if any.is_empty() || !authorize::permits(context, include.source, Permission::Search) {
        return Ok(BTreeSet::new());
    }
    let filter = authorize::restrict(context, include.source, Permission::Search, Filter::Any(any))?;
    let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: MOST };
    let found = tx.search(&query, context.scope())?;
    Ok(found.into_iter().map(|row| (include.source, row.id)).collect())
}

/// The visible ones among these.
fn visible(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    ids: Vec<String>,
) -> Result<Vec<StoredResource>, Refusal> {
    let Storage::Rows { table, .. } = kind.storage() else { return Ok(load(tx, context, kind, &ids)?) };
    if !authorize::permits(context, kind, Permission::Read) {
        return Ok(Vec::new());
    }
    let filter = authorize::restrict(context, kind, Permission::Read, Filter::OneOf(table.id(), ids))?;
    Ok(select(tx, context, kind, filter)?)
}
