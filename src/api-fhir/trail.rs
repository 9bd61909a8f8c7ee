//! What a request leaves in the audit record: made of the request itself, so that no interaction can forget.

use serde_json::Value;

use crate::context::Context;
use crate::interaction::Reply;
use crate::refusal::Refusal;
use crate::routes::{Route, Target};
use domain::audit::{Access, Act, Actor, Outcome, Shown};
use store::PeopleOfRows;

/// The access that a request is, as if it were allowed.
pub(crate) fn access(
    context: &Context,
    route: &Route,
    target: &Target,
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

/// The access with what its answer shows. A resource that was asked for by its id is what was shown; of a
/// Bundle, each of its entries was. Whose they are is known of the rows that were `seen` for the answer.
pub(crate) fn answered(mut access: Access, reply: &Reply, seen: &PeopleOfRows, context: &Context) -> Access {
    let people_of = |reference: &str| {
        let people = seen.get(reference).copied();
        people.map_or_else(|| Shown::Resource(reference.to_owned()), Shown::Of)
    };
    if let Some((kind, id)) = &reply.written {
        access.shown.push(Shown::Resource(format!("{}/{id}", kind.name())));
    }
    let entries = reply.body.as_ref().and_then(|body| body.get("entry")).and_then(Value::as_array);
    for entry in entries.into_iter().flatten() {
        let url = entry.get("fullUrl").and_then(Value::as_str).map(|url| context.relative(url));
        let url = url.filter(|url| url.matches('/').count() == 1);
        access.shown.extend(url.map(people_of));
    }
    if access.shown.is_empty() {
        let people = access.subject.as_ref().and_then(|subject| seen.get(subject));
        access.shown.extend(people.copied().map(Shown::Of));
    }
    access
}

/// The access as it was refused: with the code of the first issue, never its text.
pub(crate) fn refused(access: Access, refusal: &Refusal) -> Access {
    let code = refusal.issues.first().map_or("exception", |issue| issue.code.code());
    access.ended(Outcome::of(refusal.status, code))
}
