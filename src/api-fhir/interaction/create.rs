//! create, conditional or not.

use crate::context::Context;
use crate::interaction::conditional;
use crate::interaction::conditional::Match;
use crate::interaction::reply::Reply;
use crate::interaction::request::{FhirRequest, draft_of, kind_of, new_id};
use crate::refusal::Refusal;
use crate::resource;
use store::Tx;

pub(crate) fn create(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let kind = kind_of(request)?;
    if let Some(condition) = condition(request)? {
        match conditional::find_to_change(tx, context, kind, &condition)? {
            Match::None => {}
            Match::One(found) => return Ok(Reply::written(200, *found, context)),
            Match::Many => return Err(conditional::many()),
        }
    }
    let created = resource::create(tx, context, kind, draft_of(request)?, new_id(context, request))?;
    Ok(Reply::written(201, created, context))
}

/// The condition that must match nothing. fhirpy's `get_or_create` puts its condition into the URL: it
/// counts as If-None-Exist.
pub(super) fn condition(request: &FhirRequest) -> Result<Option<Vec<(String, String)>>, Refusal> {
    let in_url = || request.params.iter().filter(|(name, _)| !name.starts_with('_')).cloned().collect();
    match &request.conditions.if_none_exist {
        Some(condition) => conditional::criteria(kind_of(request)?, condition).map(Some),
        None => Ok(Some(in_url()).filter(|pairs: &Vec<_>| !pairs.is_empty())),
    }
}
