//! update, conditional or not. A client cannot choose an id: only the service assigns ids.

use serde_json::Value;

use domain::account::Permission;

use crate::context::Context;
use crate::interaction::conditional::Match;
use crate::interaction::reply::Reply;
use crate::interaction::request::{
    FhirRequest, Prepared, check_may_be_absent, check_preconditions, draft_of, instance, kind_of, new_id,
    resource_of,
};
use crate::interaction::{conditional, read};
use crate::refusal::Refusal;
use crate::resource;
use crate::resource::definition::ResourceDraft;
use crate::resource::definition::WritePurpose;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use fhir::outcome::{Issue, IssueType};
use store::Tx;

pub(crate) fn update(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let (kind, id) = instance(request)?;
    let body = resource_of(request)?;
    if body.get("id").and_then(Value::as_str) != Some(id) {
        let message = "The id of the resource must be the one in the URL.";
        return Err(Refusal::new(
            400,
            Issue::error(IssueType::Invalid, message).at(format!("{}.id", kind.name())),
        ));
    }
    let Some(current) = read::find_to_change(tx, context, kind, id)? else {
        if kind.is_deletable() {
            read::check_not_gone(tx, context, kind, id, Permission::Update)?;
        }
        // updateCreate is false.
        let message = "There is no such resource, and only the service assigns ids: create it with POST.";
        return Err(Refusal::not_allowed("GET, HEAD, PUT, PATCH", message));
    };
    replace(tx, context, request, (&current, body, draft_of(request)?))
}

/// The resource that an update would replace, as it is now; `None` where the request is refused, or creates,
/// when it is processed.
pub(crate) fn find_replaced(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
) -> Result<Option<StoredResource>, Refusal> {
    let kind = kind_of(request)?;
    let found = match &request.target.id {
        Some(id) => read::find(tx, context, kind, id, Permission::Update),
        None => conditional::find(tx, context, kind, &request.params).map(|found| match found {
            Match::One(current) => Some(*current),
            Match::None | Match::Many => None,
        }),
    };
    found.or_else(|refusal| if refusal.status < 500 { Ok(None) } else { Err(refusal) })
}

/// Whether a request replaces a document of a client, which is compared with the stored one
/// ([`resource::keep_if_unchanged`]).
pub(crate) fn replaces_document(request: &FhirRequest) -> bool {
    let purpose = request.route.handler.purpose();
    matches!(purpose, Some(WritePurpose::Update | WritePurpose::Either))
        && request.target.kind.is_some_and(ResourceType::is_a_document)
}

/// Compares the body of an update with the resource that it replaces.
pub(crate) fn compare(request: &mut FhirRequest, current: &StoredResource) -> Result<(), Refusal> {
    if let Prepared::Draft(draft) = &mut request.prepared {
        resource::keep_if_unchanged(draft, current)?;
    }
    Ok(())
}

/// Replaces a resource by a body and its draft.
pub(super) fn replace(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
    (current, body, draft): (&StoredResource, &Value, &ResourceDraft),
) -> Result<Reply, Refusal> {
    check_preconditions(request, current)?;
    if is_subsetted(body) {
        let message =
            "This is only a part of the resource (SUBSETTED): read the whole resource, then change that.";
        return Err(Refusal::new(422, Issue::error(IssueType::BusinessRule, message)));
    }
    let updated = resource::update(tx, context, current, draft)?;
    Ok(Reply::written(200, updated, context))
}

/// S-13: a summary must never be written back as the whole resource.
fn is_subsetted(body: &Value) -> bool {
    let tags = body.pointer("/meta/tag").and_then(Value::as_array).into_iter().flatten();
    tags.into_iter().any(|tag| tag.get("code").and_then(Value::as_str) == Some("SUBSETTED"))
}

pub(crate) fn conditional_update(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
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
            let message = "Nothing matches, and only the service assigns ids: leave the id out to create.";
            Err(Refusal::not_allowed("GET, HEAD, POST, PUT, PATCH", message))
        }
        (Match::One(current), Some(id)) if id != current.id => {
            let message = "The id in the body differs from that of the matching resource.";
            Err(Refusal::new(400, Issue::error(IssueType::Invalid, message)))
        }
        (Match::One(current), _) => replace(tx, context, request, (&current, body, draft_of(request)?)),
    }
}
