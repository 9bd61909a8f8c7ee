//! create, with or without a condition.

use crate::fhir::context::Context;
use crate::fhir::interaction::conditional::{self, Match};
use crate::fhir::interaction::{Reply, Request, kind_of, resource_of};
use crate::fhir::refusal::Refusal;
use crate::fhir::resource;
use crate::store::Tx;

pub(super) fn create(tx: &mut Tx<'_>, context: &Context, request: &Request) -> Result<Reply, Refusal> {
    let kind = kind_of(request)?;
    let body = resource_of(request)?;
    // fhirpy's get_or_create puts its condition into the URL: it is meant as If-None-Exist.
    let in_url: Vec<_> = request.params.iter().filter(|(name, _)| !name.starts_with('_')).cloned().collect();
    let condition = match &request.conditions.if_none_exist {
        Some(condition) => Some(conditional::criteria(kind, condition)?),
        None => Some(in_url).filter(|pairs| !pairs.is_empty()),
    };
    if let Some(condition) = condition {
        match conditional::find_to_change(tx, context, kind, &condition)? {
            Match::None => {}
            Match::One(found) => return Ok(Reply::written(200, *found, context)),
            Match::Many => return Err(conditional::many()),
        }
    }
    let created = resource::create(tx, context, kind, body)?;
    Ok(Reply::written(201, created, context))
}
