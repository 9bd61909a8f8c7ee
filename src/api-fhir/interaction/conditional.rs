//! Finds the one resource that a condition matches: `If-None-Exist`, conditional update and patch, and
//! conditional references in a transaction.

use crate::authorize;
use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::definition::Storage;
use crate::resource::load;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use crate::search::filter::filter_of;
use crate::search::query::{SearchQuery, pairs};
use base::error::Error;
use domain::account::Permission;
use fhir::outcome::IssueType;
use store::Tx;
use store::search::{Filter, PageQuery};

/// The matches of a condition.
pub(crate) enum Match<T = Box<StoredResource>> {
    /// Nothing.
    None,
    /// One resource.
    One(T),
    /// More than one.
    Many,
}

impl Match<String> {
    /// Loads the match by its id.
    fn load(
        self,
        load: impl FnOnce(String) -> Result<Option<StoredResource>, Error>,
    ) -> Result<Match, Refusal> {
        match self {
            Self::None => Ok(Match::None),
            Self::One(id) => Ok(load(id)?.map_or(Match::None, |stored| Match::One(Box::new(stored)))),
            Self::Many => Ok(Match::Many),
        }
    }
}

/// As [`find`], for a request that acts on the match: concurrent requests with the same condition wait, and
/// no other request can change the match until the transaction ends.
pub(crate) fn find_to_change(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    params: &[(String, String)],
) -> Result<Match, Refusal> {
    let found = find_locked(tx, context, kind, params)?;
    found.load(|id| Ok(load(tx, context, kind, &[id])?.pop()))
}

/// As [`find_id`], and locks the condition, and its match, until the transaction ends.
fn find_locked(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    params: &[(String, String)],
) -> Result<Match<String>, Refusal> {
    tx.lock_condition(&lock_name(kind, params))?;
    match find_id(tx, context, kind, params)? {
        Match::One(id) => {
            if let Storage::Rows { table, .. } = kind.storage() {
                tx.lock_row(table, &id)?;
            }
            // The match may have changed while the lock was awaited, so that the condition now matches
            // another.
            find_id(tx, context, kind, params)
        }
        other @ (Match::None | Match::Many) => Ok(other),
    }
}

/// The name of the lock of a condition: the same for the same criteria in any order.
pub(crate) fn lock_name(kind: ResourceType, params: &[(String, String)]) -> String {
    let mut condition = params.to_vec();
    condition.sort();
    format!("{} {condition:?}", kind.name())
}

/// As [`find_id`], and loads the match.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    params: &[(String, String)],
) -> Result<Match, Refusal> {
    let found = find_id(tx, context, kind, params)?;
    found.load(|id| Ok(load(tx, context, kind, &[id])?.pop()))
}

/// Searches by a condition: one statement. Criteria are strict: an unknown one must not widen the match of a
/// write.
pub(crate) fn find_id(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    params: &[(String, String)],
) -> Result<Match<String>, Refusal> {
    let query = SearchQuery::read(params)?;
    if query.criteria.is_empty() {
        return Err(Refusal::invalid("A condition needs at least one search parameter."));
    }
    let Storage::Rows { table, .. } = kind.storage() else { return Err(Refusal::not_found()) };
    let strict = Context { is_strict: true, ..context.clone() };
    let mut all = Vec::new();
    for (key, value) in &query.criteria {
        all.extend(filter_of(kind, key, value, &strict)?);
    }
    let filter = authorize::restrict(context, kind, Permission::Search, Filter::All(all))?;
    let page = PageQuery { table, filter, order: Vec::new(), after: None, limit: 2 };
    let found = tx.search(&page, context.scope())?;
    match found.as_slice() {
        [] => Ok(Match::None),
        [one] => Ok(Match::One(one.id.clone())),
        _ => Ok(Match::Many),
    }
}

/// The parameters of `If-None-Exist`. R4 has only the query (<https://hl7.org/fhir/R4/http.html#ccreate>);
/// HAPI's client sends the whole URL of the search, and others the type and the query.
pub(crate) fn criteria(kind: ResourceType, condition: &str) -> Result<Vec<(String, String)>, Refusal> {
    match condition.split_once('?') {
        // A `?` after a `=` belongs to a value.
        Some((place, query)) if !place.is_empty() && !place.contains('=') => {
            if place.rsplit('/').next() != Some(kind.name()) {
                return Err(Refusal::invalid("A conditional create must search the type that it creates."));
            }
            Ok(pairs(query))
        }
        Some(_) | None => Ok(pairs(condition)),
    }
}

/// 412: the condition matches more than one resource.
pub(crate) fn many() -> Refusal {
    Refusal::precondition(
        IssueType::MultipleMatches,
        "The condition matches more than one resource: narrow it.",
    )
}
