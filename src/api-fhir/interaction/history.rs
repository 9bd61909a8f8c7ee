//! history of an instance, a type, or the system: newest first, in pages that follow each other by key (R-50
//! to R-52).

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::authorize;
use crate::context::Context;
use crate::interaction::read;
use crate::interaction::reply::Reply;
use crate::interaction::request::{FhirRequest, instance};
use crate::refusal::Refusal;
use crate::resource;
use crate::resource::definition::Storage;
use crate::resource::load_versions;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use crate::search::caps::List;
use base::date_time::{FhirDateTime, to_millis};
use base::error::Error;
use domain::account::Permission;
use domain::event::owner_key;
use fhir::outcome::{Issue, IssueType};
use store::Tx;
use store::search::{Field, Filter, FoundVersion, HistoryQuery, Is, SubscriptionField, Table};

const DEFAULT_COUNT: usize = 50;
const MOST: usize = 500;

/// The types with stored versions.
const KINDS: &[ResourceType] = &[
    ResourceType::Consent,
    ResourceType::RelatedPerson,
    ResourceType::QuestionnaireResponse,
    ResourceType::Subscription,
];

pub(crate) fn history(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let asked = Asked::read(request)?;
    let id = request.target.id.clone();
    let mut disclosed = Vec::new();
    if let Some(id) = &id {
        let (kind, _) = instance(request)?;
        let present = read::find_even_deleted(tx, context, kind, id, Permission::Read)?;
        disclosed = resource::disclosed(&present);
        if let (Some(present), false) = (present, KINDS.contains(&kind)) {
            // Only the current version is stored: it is the history.
            return Ok(Reply::made_of(disclosed, bundle(context, request, &asked, &Page::of(present))));
        }
    }
    let permission = if id.is_some() { Permission::Read } else { Permission::Search };
    let mut kinds = request.target.kind.map_or_else(|| KINDS.to_vec(), |kind| vec![kind]);
    kinds.retain(|kind| authorize::permits(context, *kind, permission));
    let mut found: Vec<(ResourceType, FoundVersion)> = Vec::new();
    let mut total = 0;
    for kind in kinds.into_iter().filter(|kind| KINDS.contains(kind)) {
        let Storage::Rows { table: present, versions: Some(table), updated_at } = kind.storage() else {
            continue;
        };
        let filter = Filter::All(vec![asked.filter(updated_at), given(context, kind, present, permission)?]);
        let query = HistoryQuery {
            table,
            id: id.clone(),
            filter,
            current_from: asked.at.as_ref().map(|at| to_millis(at.earliest())),
            after: asked.after.clone(),
            limit: i64::try_from(asked.count + 1).unwrap_or(i64::MAX),
        };
        total += tx.count_history(&query, context.scope())?;
        found.extend(tx.search_history(&query, context.scope())?.into_iter().map(|version| (kind, version)));
    }
    let key = |(_, version): &(ResourceType, FoundVersion)| {
        (
            std::cmp::Reverse(version.updated_at),
            std::cmp::Reverse(version.id.clone()),
            std::cmp::Reverse(version.version),
        )
    };
    found.sort_by_key(key);
    let is_more = found.len() > asked.count;
    found.truncate(asked.count);
    let next = found.last().filter(|_| is_more).map(|(_, last)| encode(last));
    let loaded = load_in_order(tx, context, &found)?;
    if id.is_none() {
        disclosed = resource::disclosed(&loaded);
    }
    let page = Page { total, versions: loaded, next };
    Ok(Reply::made_of(disclosed, bundle(context, request, &asked, &page)))
}

/// Loads these versions, in their order: one statement for each type.
fn load_in_order(
    tx: &mut Tx<'_>,
    context: &Context,
    found: &[(ResourceType, FoundVersion)],
) -> Result<Vec<StoredResource>, Error> {
    let mut loaded = Vec::new();
    for &kind in KINDS {
        let wanted = found.iter().filter(|(of, _)| *of == kind);
        let wanted: Vec<(String, i64)> = wanted.map(|(_, found)| (found.id.clone(), found.version)).collect();
        if !wanted.is_empty() {
            loaded.extend(load_versions(tx, context, kind, &wanted)?);
        }
    }
    let places =
        found.iter().enumerate().map(|(at, (kind, found))| ((*kind, found.id.as_str(), found.version), at));
    let places: HashMap<(ResourceType, &str, i64), usize> = places.collect();
    loaded.sort_by_key(|stored| places.get(&(stored.kind, stored.id.as_str(), stored.version)).copied());
    Ok(loaded)
}

/// The versions that the scopes allow: an app's access to past versions follows that to the current resource.
fn given(
    context: &Context,
    kind: ResourceType,
    present: Table,
    permission: Permission,
) -> Result<Filter, Refusal> {
    let limit = authorize::restrict(context, kind, permission, Filter::EVERYTHING)?;
    if limit == Filter::EVERYTHING {
        return Ok(limit);
    }
    // A deleted resource still has its history.
    let present = if present == Table::Subscriptions { Table::EverySubscription } else { present };
    let within = Filter::within(present.id(), present, present.id(), limit);
    Ok(if present == Table::EverySubscription {
        Filter::All(vec![Filter::text(SubscriptionField::Owner, owner_key(&context.caller)), within])
    } else {
        within
    })
}

/// A page of a history.
struct Page {
    total: i64,
    versions: Vec<StoredResource>,
    next: Option<String>,
}

impl Page {
    fn of(present: StoredResource) -> Self {
        Self { total: 1, versions: vec![present], next: None }
    }
}

/// The parameters of a history.
struct Asked {
    count: usize,
    since: Option<DateTime<Utc>>,
    at: Option<FhirDateTime>,
    after: Option<FoundVersion>,
}

impl Asked {
    fn read(request: &FhirRequest) -> Result<Self, Refusal> {
        let mut asked = Self { count: DEFAULT_COUNT, since: None, at: None, after: None };
        let wrong = |message: &'static str| Refusal::new(400, Issue::error(IssueType::Value, message));
        List::Parameters.check(request.params.len())?;
        let mut seen: HashSet<&str> = HashSet::new();
        for (name, value) in request.params.iter().filter(|(_, value)| !value.is_empty()) {
            if !seen.insert(name) && name != "_format" {
                return Err(wrong("Each parameter of a history may be given once."));
            }
            let date = || FhirDateTime::parse(&value.replace(' ', "+"));
            match name.as_str() {
                "_count" => {
                    let count: usize = value.parse().or(Err(wrong("_count must be a whole number.")))?;
                    asked.count = count.min(MOST);
                }
                "_since" => {
                    let since = date().ok().filter(|date| !date.is_date());
                    let message = "_since must be an instant, such as 2026-11-22T09:00:00Z.";
                    asked.since = Some(since.ok_or_else(|| wrong(message))?.earliest());
                }
                "_at" => asked.at = Some(date().or(Err(wrong("_at must be a date or a dateTime.")))?),
                "_list" => return Err(wrong("This server has no lists: _list is not supported.")),
                "_page" => {
                    asked.after = Some(
                        decode(value)
                            .ok_or_else(|| wrong("This page link was not issued by this server."))?,
                    );
                }
                _ => {}
            }
        }
        Ok(asked)
    }

    /// `_at` selects the versions that were current at some time in its range: written before its end, and
    /// not replaced before its beginning.
    fn filter(&self, updated_at: Field) -> Filter {
        let since = self.since.map(|since| Filter::number(updated_at, Is::AtLeast, to_millis(since)));
        let at =
            self.at.as_ref().map(|at| Filter::number(updated_at, Is::AtMost, to_millis(at.period_end())));
        Filter::All(since.into_iter().chain(at).collect())
    }
}

fn encode(version: &FoundVersion) -> String {
    format!("{}.{}.{}", version.updated_at, version.version, version.id)
}

fn decode(text: &str) -> Option<FoundVersion> {
    let mut parts = text.splitn(3, '.');
    Some(FoundVersion {
        updated_at: parts.next()?.parse().ok()?,
        version: parts.next()?.parse().ok()?,
        id: parts.next()?.to_owned(),
    })
}

fn bundle(context: &Context, request: &FhirRequest, asked: &Asked, page: &Page) -> Value {
    let url = |page: Option<&str>| {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        for (name, value) in request.params.iter().filter(|(name, _)| name != "_page") {
            pairs.append_pair(name, value);
        }
        if let Some(page) = page {
            pairs.append_pair("_page", page);
        }
        let query = pairs.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/{}{mark}{query}", context.base, request.path)
    };
    let here = asked.after.as_ref().map(encode);
    let mut links = vec![json!({ "relation": "self", "url": url(here.as_deref()) })];
    links.extend(page.next.as_ref().map(|next| json!({ "relation": "next", "url": url(Some(next)) })));
    let mut bundle = Map::new();
    bundle.insert("resourceType".to_owned(), "Bundle".into());
    bundle.insert("type".to_owned(), "history".into());
    bundle.insert("total".to_owned(), page.total.into());
    bundle.insert("link".to_owned(), Value::Array(links));
    let entries: Vec<Value> = page.versions.iter().map(|stored| entry(context, stored)).collect();
    if !entries.is_empty() {
        bundle.insert("entry".to_owned(), Value::Array(entries));
    }
    Value::Object(bundle)
}

fn entry(context: &Context, stored: &StoredResource) -> Value {
    let path = format!("{}/{}", stored.kind.name(), stored.id);
    let is_deletion = stored.body.is_deletion();
    let (method, url, status) = if is_deletion {
        ("DELETE", path.clone(), "204 No Content")
    } else if stored.version == 1 {
        ("POST", stored.kind.name().to_owned(), "201 Created")
    } else {
        ("PUT", path.clone(), "200 OK")
    };
    let mut entry = json!({
        "fullUrl": format!("{}/{path}", context.base),
        "resource": stored.body,
        "request": { "method": method, "url": url },
        "response": {
            "status": status,
            "etag": format!("W/\"{}\"", stored.version),
            "lastModified": base::date_time::render_instant(stored.updated_at),
        },
    });
    if let (true, Some(members)) = (is_deletion, entry.as_object_mut()) {
        members.shift_remove("resource");
    }
    entry
}
