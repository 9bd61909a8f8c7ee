//! read and vread.

use crate::context::Context;
use crate::enforce;
use crate::interaction::reply::Reply;
use crate::interaction::request::{Request, check_preconditions, instance};
use crate::refusal::Refusal;
use crate::resource;
use crate::resource::kind::Backing;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored::Stored;
use crate::resource::{find_if, is_as_written, load_versions};
use crate::search::query::Query;
use domain::account::Letter;
use fhir::etag::is_not_modified;
use fhir::outcome::{Issue, IssueType};
use store::Tx;
use store::search::{Filter, PageQuery, Table};

/// Finds a resource that the caller may see, and of which their app was given this letter.
pub(super) fn find(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    letter: Letter,
) -> Result<Option<Stored>, Refusal> {
    find_if(tx, context, kind, id, |filter| enforce::limited(context, kind, letter, filter))
}

/// As [`find`], and as an error that a resource of the caller's was deleted: 410 (<https://hl7.org/fhir/R4/http.html#read>).
pub(super) fn find_or_gone(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    letter: Letter,
) -> Result<Stored, Refusal> {
    find_even_deleted(tx, context, kind, id, letter)?.ok_or_else(gone)
}

/// As [`find`]; `None` for what was deleted, an error where there was nothing.
pub(super) fn find_even_deleted(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    letter: Letter,
) -> Result<Option<Stored>, Refusal> {
    let found = find(tx, context, kind, id, letter)?;
    if found.is_some() {
        return Ok(found);
    }
    let Backing::Rows { table: Table::Subscriptions, .. } = kind.backing() else {
        return Err(Refusal::not_found());
    };
    let every = Table::EverySubscription;
    let filter = enforce::limited(context, kind, letter, Filter::text(every.id(), id))?;
    let query = PageQuery { table: every, filter, order: Vec::new(), after: None, limit: 1 };
    if tx.search(&query, context.scope())?.is_empty() {
        return Err(Refusal::not_found());
    }
    Ok(None)
}

/// Refuses what was deleted; what was never there is no error here.
pub(super) fn check_not_gone(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    letter: Letter,
) -> Result<(), Refusal> {
    match find_even_deleted(tx, context, kind, id, letter) {
        Ok(None) => Err(gone()),
        Err(refusal) if refusal.status != 404 => Err(refusal),
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// 410: it was there.
fn gone() -> Refusal {
    Refusal::new(410, Issue::error(IssueType::Deleted, "The resource was deleted."))
}

/// As [`find`], and keeps everybody else from changing the resource until the transaction ends: what is
/// decided on its version stays true.
pub(super) fn find_to_change(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
) -> Result<Option<Stored>, Refusal> {
    lock(tx, kind, id)?;
    find(tx, context, kind, id, Letter::Update)
}

/// Keeps everybody else from changing a resource until the transaction ends.
pub(super) fn lock(tx: &mut Tx<'_>, kind: ResourceType, id: &str) -> Result<(), Refusal> {
    if let Backing::Rows { table, .. } = kind.backing() {
        tx.lock_row(table, id)?;
    }
    Ok(())
}

pub(crate) fn read(tx: &mut Tx<'_>, context: &Context, request: &Request) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    let mut stored = find_or_gone(tx, context, kind, id, Letter::Read)?;
    check_preconditions(request, &stored)?;
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

pub(crate) fn vread(tx: &mut Tx<'_>, context: &Context, request: &Request) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    // Whoever may not see the resource may not see its past either.
    let present = find_even_deleted(tx, context, kind, id, Letter::Read)?;
    // A version id is a text: `01` is not the version `1`.
    let written = request.target.version.as_deref().unwrap_or_default();
    let version: Option<i64> = written.parse().ok().filter(|version: &i64| version.to_string() == written);
    let version = version.ok_or_else(Refusal::not_found)?;
    let stored = load_versions(tx, context, kind, &[(id.to_owned(), version)])?.pop();
    let stored = stored.ok_or_else(Refusal::not_found)?;
    if stored.body.is_null() {
        return Err(gone());
    }
    let disclosed = resource::disclosed(&present);
    Ok(Reply { disclosed, ..Reply::found(stored) })
}
