//! delete: for resources that belong to their owner only. Records about people are never deleted.

use crate::context::Context;
use crate::interaction::read;
use crate::interaction::reply::Reply;
use crate::interaction::request::{FhirRequest, check_preconditions, instance};
use crate::refusal::Refusal;
use crate::resource;
use domain::account::Permission;
use store::Tx;

/// 204, also when it is already deleted.
pub(crate) fn delete(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    read::lock(tx, kind, id)?;
    if let Some(current) = read::find_even_deleted(tx, context, kind, id, Permission::Delete)? {
        check_preconditions(request, &current)?;
        resource::delete(tx, context, &current)?;
    }
    Ok(Reply::nothing())
}
