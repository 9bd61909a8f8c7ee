//! Finds the one resource that a condition means: `If-None-Exist`, conditional update and patch, and
//! conditional references in a transaction.

use crate::context::Context;
use crate::enforce;
use crate::refusal::Refusal;
use crate::resource::kind::Backing;
use crate::resource::load;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored::Stored;
use crate::search::filter::filter_of;
use crate::search::query::{Query, pairs};
use base::error::Error;
use domain::account::Letter;
use fhir::outcome::IssueType;
use store::Tx;
use store::search::{Filter, PageQuery};

/// What a condition finds.
pub(crate) enum Match<T = Box<Stored>> {
    /// Nothing.
    None,
    /// One resource.
    One(T),
    /// More than one.
    Many,
}

impl Match<String> {
    /// Loads what was found by its id.
    fn load(self, load: impl FnOnce(String) -> Result<Option<Stored>, Error>) -> Result<Match, Refusal> {
        match self {
            Self::None => Ok(Match::None),
            Self::One(id) => Ok(load(id)?.map_or(Match::None, |stored| Match::One(Box::new(stored)))),
            Self::Many => Ok(Match::Many),
        }
    }
}

/// As [`find`], for a request that acts on what it finds: others with the same condition wait, and the
/// resource that is found is nobody else's to change until the transaction ends.
pub(crate) fn find_to_change(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    params: &[(String, String)],
) -> Result<Match, Refusal> {
    let found = find_locked(tx, context, kind, params)?;
    found.load(|id| Ok(load(tx, context, kind, &[id])?.pop()))
}

/// As [`find_id`], and keeps others from the condition, and from what it finds, until the transaction ends.
fn find_locked(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    params: &[(String, String)],
) -> Result<Match<String>, Refusal> {
    tx.lock_condition(&lock_name(kind, params))?;
    match find_id(tx, context, kind, params)? {
        Match::One(id) => {
            if let Backing::Rows { table, .. } = kind.backing() {
                tx.lock_row(table, &id)?;
            }
            // It may have changed while it was waited for, so that the condition means another now.
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

/// As [`find_id`], and loads what it finds.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    params: &[(String, String)],
) -> Result<Match, Refusal> {
    let found = find_id(tx, context, kind, params)?;
    found.load(|id| Ok(load(tx, context, kind, &[id])?.pop()))
}

/// Searches by a condition: one statement. Criteria are read strictly: one that is not understood must not widen what is
/// written to.
pub(crate) fn find_id(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    params: &[(String, String)],
) -> Result<Match<String>, Refusal> {
    let query = Query::read(params)?;
    if query.criteria.is_empty() {
        return Err(Refusal::invalid("A condition needs at least one search parameter."));
    }
    let Backing::Rows { table, .. } = kind.backing() else { return Err(Refusal::not_found()) };
    let strict = Context { is_strict: true, ..context.clone() };
    let mut all = Vec::new();
    for (key, value) in &query.criteria {
        all.extend(filter_of(kind, key, value, &strict)?);
    }
    let filter = enforce::limited(context, kind, Letter::Search, Filter::All(all))?;
    let page = PageQuery { table, filter, order: Vec::new(), after: None, limit: 2 };
    let found = tx.search(&page, context.scope())?;
    match found.as_slice() {
        [] => Ok(Match::None),
        [one] => Ok(Match::One(one.id.clone())),
        _ => Ok(Match::Many),
    }
}

/// The parameters of `If-None-Exist`. R4 has the query alone (<https://hl7.org/fhir/R4/http.html#ccreate>); HAPI's client
/// sends the whole URL of the search, and others the type and the query.
pub(crate) fn criteria(kind: ResourceType, condition: &str) -> Result<Vec<(String, String)>, Refusal> {
    match condition.split_once('?') {
        // A `?` behind a `=` belongs to a value.
        Some((place, query)) if !place.is_empty() && !place.contains('=') => {
            if place.rsplit('/').next() != Some(kind.name()) {
                return Err(Refusal::invalid("A conditional create searches the type that it creates."));
            }
            Ok(pairs(query))
        }
        Some(_) | None => Ok(pairs(condition)),
    }
}

/// 412: the condition means more than one.
pub(crate) fn many() -> Refusal {
    Refusal::precondition(
        IssueType::MultipleMatches,
        "The condition finds more than one resource: narrow it.",
    )
}
