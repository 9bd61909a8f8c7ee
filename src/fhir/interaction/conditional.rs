//! Finds the one resource that a condition means: `If-None-Exist`, conditional update and patch, and
//! conditional references in a transaction.

use crate::fhir::context::Context;
use crate::fhir::outcome::IssueType;
use crate::fhir::refusal::Refusal;
use crate::fhir::resource::{Backing, ResourceType, Stored, load};
use crate::fhir::search::{Query, filter_of};
use crate::store::Tx;
use crate::store::search::{Filter, PageQuery};

/// What a condition finds.
pub(crate) enum Match {
    /// Nothing.
    None,
    /// One resource.
    One(Box<Stored>),
    /// More than one.
    Many,
}

/// Searches by a condition. Criteria are read strictly: one that is not understood must not widen what is
/// written to.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    params: &[(String, String)],
) -> Result<Match, Refusal> {
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
    let page = PageQuery { table, filter: Filter::All(all), order: Vec::new(), after: None, limit: 2 };
    let found = tx.search(&page, context.scope())?;
    match found.as_slice() {
        [] => Ok(Match::None),
        [one] => {
            let stored = load(tx, context, kind, std::slice::from_ref(&one.id))?.pop();
            Ok(stored.map_or(Match::None, |stored| Match::One(Box::new(stored))))
        }
        _ => Ok(Match::Many),
    }
}

/// As [`find`], before something is made of what is not found: two requests with one condition that come
/// at once take turns.
pub(crate) fn find_or_make(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    params: &[(String, String)],
) -> Result<Match, Refusal> {
    let mut turn = params.to_vec();
    turn.sort();
    tx.take_turn(&format!("{} {turn:?}", kind.name()))?;
    find(tx, context, kind, params)
}

/// The parameters of a query string.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).into_owned().collect()
}

/// 412: the condition means more than one.
pub(crate) fn many() -> Refusal {
    Refusal::precondition(
        IssueType::MultipleMatches,
        "The condition finds more than one resource: narrow it.",
    )
}
