//! delete: of what its owner alone has. The record of what was known of people stays.

use crate::context::Context;
use crate::interaction::read;
use crate::interaction::reply::Reply;
use crate::interaction::request::{Request, check_preconditions, instance};
use crate::refusal::Refusal;
use crate::resource;
use domain::account::Letter;
use store::Tx;

/// 204, and again where it was deleted already.
pub(crate) fn delete(tx: &mut Tx<'_>, context: &Context, request: &Request) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    read::lock(tx, kind, id)?;
    if let Some(current) = read::find_even_deleted(tx, context, kind, id, Letter::Delete)? {
        check_preconditions(request, &current)?;
        resource::delete(tx, context, &current)?;
    }
    Ok(Reply::nothing())
}
