//! The access records of requests: derived from the request itself, so that no interaction can omit them.

use crate::context::Context;
use crate::interaction::reply::Reply;
use crate::interaction::request::{RequestTarget, Route};
use crate::refusal::Refusal;
use domain::audit::{Access, Act, Actor};
use web::error::ApiError as _;

/// The access record of a request, as if it were allowed.
pub(crate) fn access(
    context: &Context,
    route: &Route,
    target: &RequestTarget,
    params: &[(String, String)],
) -> Access {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(params);
    let access = Access::new(Act::Access(route.audit), Actor::of(&context.caller), context.now());
    let access = access.by(&query.finish());
    match (target.kind, &target.id) {
        (Some(kind), Some(id)) => access.of(&format!("{}/{id}", kind.name())),
        (Some(kind), None) => access.of(kind.name()),
        (None, _) => access,
    }
}

/// The access record with what the reply discloses.
pub(crate) fn answered(mut access: Access, reply: &Reply) -> Access {
    access.disclosed.extend_from_slice(&reply.disclosed);
    access
}

/// The access record of a refusal: with the code of the first issue, never its text.
pub(crate) fn refused(access: Access, refusal: &Refusal) -> Access {
    access.ended(refusal.outcome())
}
