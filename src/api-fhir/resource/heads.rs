//! A resource that another version is written over: its row, without what a client wrote as one document. While the writer is
//! held, that is not parsed.

use crate::context::Context;
use crate::resource::{Backing, ResourceType, Stored, find_if};
use base::error::Error;
use store::Tx;
use store::search::{Filter, PageQuery};

/// As [`find_if`], for one that another version is written over: of a document the members alone that the service writes,
/// which are enough to know its version.
pub(crate) fn find_head_if<E: From<Error>>(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    limit: impl FnOnce(Filter) -> Result<Filter, E>,
) -> Result<Option<Stored>, E> {
    let heads = kind.kind().writing.as_ref().and_then(|writing| writing.load_heads);
    let (Some(heads), Backing::Rows { table, .. }) = (heads, kind.backing()) else {
        return find_if(tx, context, kind, id, limit);
    };
    let filter = limit(Filter::text(table.id(), id))?;
    let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: 1 };
    let found: Vec<String> = tx.search(&query, context.scope())?.into_iter().map(|row| row.id).collect();
    Ok(heads(tx, context, &found)?.pop())
}

/// As [`load`], as [`find_head_if`] finds.
pub(crate) fn load_head(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: String,
) -> Result<Option<Stored>, Error> {
    let heads = kind.kind().writing.as_ref().and_then(|writing| writing.load_heads);
    Ok(heads.unwrap_or(kind.kind().load)(tx, context, &[id])?.pop())
}
