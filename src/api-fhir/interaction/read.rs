//! read and vread.

use crate::authorize;
use crate::context::Context;
use crate::interaction::reply::Reply;
use crate::interaction::request::{FhirRequest, check_preconditions, instance};
use crate::refusal::Refusal;
use crate::resource;
use crate::resource::definition::Storage;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use crate::resource::{find_if, is_as_written, load_versions};
use crate::search::query::SearchQuery;
use domain::account::Permission;
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
    permission: Permission,
) -> Result<Option<StoredResource>, Refusal> {
    find_if(tx, context, kind, id, |filter| authorize::restrict(context, kind, permission, filter))
}

/// As [`find`], and as an error that a resource of the caller's was deleted: 410 (<https://hl7.org/fhir/R4/http.html#read>).
pub(super) fn find_or_gone(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    permission: Permission,
) -> Result<StoredResource, Refusal> {
    find_even_deleted(tx, context, kind, id, permission)?.ok_or_else(gone)
}

/// As [`find`]; `None` for what was deleted, an error where there was nothing.
pub(super) fn find_even_deleted(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    permission: Permission,
) -> Result<Option<StoredResource>, Refusal> {
    let found = find(tx, context, kind, id, permission)?;
    if found.is_some() {
        return Ok(found);
    }
    let Storage::Rows { table: Table::Subscriptions, .. } = kind.storage() else {
        return Err(Refusal::not_found());
    };
    let every = Table::EverySubscription;
    let filter = authorize::restrict(context, kind, permission, Filter::text(every.id(), id))?;
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
    permission: Permission,
) -> Result<(), Refusal> {
    match find_even_deleted(tx, context, kind, id, permission) {
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
) -> Result<Option<StoredResource>, Refusal> {
    lock(tx, kind, id)?;
    find(tx, context, kind, id, Permission::Update)
}

/// Keeps everybody else from changing a resource until the transaction ends.
pub(super) fn lock(tx: &mut Tx<'_>, kind: ResourceType, id: &str) -> Result<(), Refusal> {
    if let Storage::Rows { table, .. } = kind.storage() {
        tx.lock_row(table, id)?;
    }
    Ok(())
}

pub(crate) fn read(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    let mut stored = find_or_gone(tx, context, kind, id, Permission::Read)?;
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
    stored.body = SearchQuery::read(&request.params)?.shape.apply_to(stored.body);
    let reply = Reply::found(stored);
    Ok(if is_known { Reply { status: 304, body: None, ..reply } } else { reply })
}

pub(crate) fn vread(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    // A caller who may not read the resource may not read its earlier versions either.
    let present = find_even_deleted(tx, context, kind, id, Permission::Read)?;
    // A version id is a text: `01` is not the version `1`.
    let written = request.target.version.as_deref().unwrap_or_default();
    let version: Option<i64> = written.parse().ok().filter(|version: &i64| version.to_string() == written);
    let version = version.ok_or_else(Refusal::not_found)?;
    let stored = load_versions(tx, context, kind, &[(id.to_owned(), version)])?.pop();
    let stored = stored.ok_or_else(Refusal::not_found)?;
    if stored.body.is_deletion() {
        return Err(gone());
    }
    let disclosed = resource::disclosed(&present);
    Ok(Reply { disclosed, ..Reply::found(stored) })
}
