//! A resource that another version is written over: its row, without what a client wrote as one document. While the writer is
//! held, that is not parsed.

use crate::context::Context;
use crate::resource::{Backing, Load, ResourceType, Stored, find_ids, find_if, load};
use base::error::Error;
use store::Tx;
use store::search::Filter;

/// As [`find_if`], for one that another version is written over: of a document the members alone that the service writes,
/// which are enough to know its version.
pub(crate) fn find_head_if<E: From<Error>>(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    limit: impl FnOnce(Filter) -> Result<Filter, E>,
) -> Result<Option<Stored>, E> {
    let (Some(heads), Backing::Rows { table, .. }) = (heads_of(kind), kind.backing()) else {
        return find_if(tx, context, kind, id, limit);
    };
    let found = find_ids(tx, context, table, limit(Filter::text(table.id(), id))?)?;
    Ok(heads(tx, context, &found)?.pop())
}

/// As [`load`], as [`find_head_if`] finds.
pub(crate) fn load_heads(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    ids: &[String],
) -> Result<Vec<Stored>, Error> {
    match heads_of(kind) {
        Some(heads) => heads(tx, context, ids),
        None => load(tx, context, kind, ids),
    }
}

fn heads_of(kind: ResourceType) -> Option<Load> {
    kind.kind().writing.as_ref().and_then(|writing| writing.load_heads)
}
