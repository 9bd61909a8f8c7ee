//! read and vread.

use crate::account::Letter;
use crate::fhir::context::Context;
use crate::fhir::enforce;
use crate::fhir::etag::is_not_modified;
use crate::fhir::interaction::{Reply, Request, instance};
use crate::fhir::refusal::Refusal;
use crate::fhir::resource::{Backing, ResourceType, Stored, load, load_versions};
use crate::fhir::search::Query;
use crate::store::Tx;
use crate::store::search::{Filter, PageQuery};

/// Finds a resource that the caller may see, and of which their app was given this letter, if any is needed.
pub(super) fn find(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    letter: Option<Letter>,
) -> Result<Option<Stored>, Refusal> {
    if let Backing::Rows { table, .. } = kind.backing() {
        let row = Filter::text(table.id(), id);
        let filter = match letter {
            Some(letter) => enforce::limited(context, kind, letter, row)?,
            None => row,
        };
        let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: 1 };
        if tx.search(&query, context.scope())?.is_empty() {
            return Ok(None);
        }
    }
    Ok(load(tx, context, kind, &[id.to_owned()])?.pop())
}

/// As [`find`], and keeps everybody else from changing the resource until the transaction ends: what is
/// decided on its version stays true.
pub(super) fn find_to_change(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
) -> Result<Option<Stored>, Refusal> {
    if let Backing::Rows { table, .. } = kind.backing() {
        tx.lock_row(table, id)?;
    }
    find(tx, context, kind, id, Some(Letter::Update))
}

pub(super) fn read(tx: &mut Tx<'_>, context: &Context, request: &Request) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    let mut stored = find(tx, context, kind, id, Some(Letter::Read))?.ok_or_else(Refusal::not_found)?;
    let conditions = &request.conditions;
    let version = stored.version.to_string();
    let is_known = is_not_modified(
        conditions.if_none_match.as_ref(),
        conditions.if_modified_since,
        &version,
        stored.updated_at,
    );
    let is_known = is_known && is_as_written(tx, context, &stored)?;
    // A subset is asked of a read as of a search (G-19).
    stored.body = Query::read(&request.params)?.shape.apply(stored.body);
    let reply = Reply::found(stored);
    Ok(if is_known { Reply { status: 304, body: None, ..reply } } else { reply })
}

/// Whether a resource shows what its version says. A role whose end has passed counts as inactive before
/// a version says so: whoever has the version has not heard of it.
fn is_as_written(tx: &mut Tx<'_>, context: &Context, stored: &Stored) -> Result<bool, Refusal> {
    if stored.kind != ResourceType::Consent {
        return Ok(true);
    }
    let written = load_versions(tx, context, stored.kind, &[(stored.id.clone(), stored.version)])?;
    Ok(written.first().is_some_and(|written| written.body == stored.body))
}

pub(super) fn vread(tx: &mut Tx<'_>, context: &Context, request: &Request) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    // Whoever may not see the resource may not see its past either.
    find(tx, context, kind, id, Some(Letter::Read))?.ok_or_else(Refusal::not_found)?;
    let version = request.target.version.as_ref().and_then(|version| version.parse().ok());
    let version: i64 = version.ok_or_else(Refusal::not_found)?;
    let stored = load_versions(tx, context, kind, &[(id.to_owned(), version)])?.pop();
    Ok(Reply::found(stored.ok_or_else(Refusal::not_found)?))
}
