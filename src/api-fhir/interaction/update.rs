//! update, with or without a condition. A client cannot choose an id: it is the service that names a role.

use serde_json::Value;

use domain::account::Letter;

use crate::context::Context;
use crate::interaction::conditional::Match;
use crate::interaction::reply::Reply;
use crate::interaction::request::{
    Prepared, Request, check_may_be_absent, check_preconditions, draft_of, instance, kind_of, new_id,
    resource_of,
};
use crate::interaction::{conditional, read};
use crate::refusal::Refusal;
use crate::resource;
use crate::resource::kind::Draft;
use crate::resource::kind::Purpose;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored::Stored;
use fhir::outcome::{Issue, IssueType};
use store::Tx;

pub(crate) fn update(tx: &mut Tx<'_>, context: &Context, request: &Request) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    let body = resource_of(request)?;
    if body.get("id").and_then(Value::as_str) != Some(id) {
        let told = "The id of the resource must be the one in the URL.";
        return Err(Refusal::new(
            400,
            Issue::error(IssueType::Invalid, told).at(format!("{}.id", kind.name())),
        ));
    }
    let Some(current) = read::find_to_change(tx, context, kind, id)? else {
        if kind.is_deletable() {
            read::check_not_gone(tx, context, kind, id, Letter::Update)?;
        }
        // updateCreate is false.
        let told = "There is no such resource, and its id is for the service to choose: create it with POST.";
        return Err(Refusal::not_allowed("GET, HEAD, PUT, PATCH", told));
    };
    replace(tx, context, request, (&current, body, draft_of(request)?))
}

/// What an update would replace, as it stands now; nothing where it is refused, or creates, when its turn comes.
pub(crate) fn find_replaced(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &Request,
) -> Result<Option<Stored>, Refusal> {
    let kind = kind_of(request)?;
    let found = match &request.target.id {
        Some(id) => read::find(tx, context, kind, id, Letter::Update),
        None => conditional::find(tx, context, kind, &request.params).map(|found| match found {
            Match::One(current) => Some(*current),
            Match::None | Match::Many => None,
        }),
    };
    found.or_else(|refusal| if refusal.status < 500 { Ok(None) } else { Err(refusal) })
}

/// Whether a request replaces a document that a client wrote, which is compared with what is stored
/// ([`resource::settle`]).
pub(crate) fn replaces_document(request: &Request) -> bool {
    let purpose = request.route.handler.purpose();
    matches!(purpose, Some(Purpose::Update | Purpose::Either))
        && request.target.kind.is_some_and(ResourceType::is_a_document)
}

/// Compares what an update brings with what it replaces.
pub(crate) fn compare(request: &mut Request, current: &Stored) -> Result<(), Refusal> {
    if let Prepared::Draft(draft) = &mut request.prepared {
        resource::settle(draft, current)?;
    }
    Ok(())
}

/// Writes a body, and what was read of it, over what is there.
pub(super) fn replace(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &Request,
    (current, body, draft): (&Stored, &Value, &Draft),
) -> Result<Reply, Refusal> {
    check_preconditions(request, current)?;
    if is_subsetted(body) {
        let told = "This is a part of the resource only (SUBSETTED): read the whole, then change that.";
        return Err(Refusal::new(422, Issue::error(IssueType::BusinessRule, told)));
    }
    let updated = resource::update(tx, context, current, draft)?;
    Ok(Reply::written(200, updated, context))
}

/// S-13: a summary must never be written back as the whole.
fn is_subsetted(body: &Value) -> bool {
    let tags = body.pointer("/meta/tag").and_then(Value::as_array).into_iter().flatten();
    tags.into_iter().any(|tag| tag.get("code").and_then(Value::as_str) == Some("SUBSETTED"))
}

pub(crate) fn conditional_update(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &Request,
) -> Result<Reply, Refusal> {
    let kind = kind_of(request)?;
    let body = resource_of(request)?;
    let id = body.get("id").and_then(Value::as_str);
    match (conditional::find_to_change(tx, context, kind, &request.params)?, id) {
        (Match::Many, _) => Err(conditional::many()),
        (Match::None, None) => {
            check_may_be_absent(request)?;
            let created = resource::create(tx, context, kind, draft_of(request)?, new_id(context, request))?;
            Ok(Reply::written(201, created, context))
        }
        (Match::None, Some(_)) => {
            let told = "Nothing matches, and an id is for the service to choose: leave it out to create.";
            Err(Refusal::not_allowed("GET, HEAD, POST, PUT, PATCH", told))
        }
        (Match::One(current), Some(id)) if id != current.id => {
            let told = "The id of the resource is not that of the one that matches.";
            Err(Refusal::new(400, Issue::error(IssueType::Invalid, told)))
        }
        (Match::One(current), _) => replace(tx, context, request, (&current, body, draft_of(request)?)),
    }
}
