//! A parsed request, and its route, which says how it is processed.

use std::fmt;

use actix_web::http::Method;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::reply::Reply;
use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::definition::{ResourceDraft, WritePurpose};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use base::cpu_pool::INLINE;
use base::error::Error;
use base::ids;
use base::json::is_larger;
use domain::account::Permission;
use domain::audit::Interaction as Audit;
use fhir::etag::Versions;
use fhir::outcome::IssueType;
use store::Tx;

/// A parsed request.
#[derive(Clone, Debug)]
pub(crate) struct FhirRequest {
    /// Its route.
    pub(crate) route: &'static Route,
    /// Its target.
    pub(crate) target: RequestTarget,
    /// The parameters of query and form, decoded.
    pub(crate) params: Vec<(String, String)>,
    /// The requested path, below the base, for links.
    pub(crate) path: String,
    /// Its body.
    pub(crate) body: Option<Body>,
    /// Its conditional headers.
    pub(crate) conditions: Conditions,
    /// The result of preparing the body before the transaction.
    pub(crate) prepared: Prepared,
    /// The id of the resource that it creates, if other entries of its transaction refer to that; otherwise a
    /// new one.
    pub(crate) new_id: Option<Uuid>,
}

impl FhirRequest {
    /// Whether the body is too large to be processed on a serving thread.
    pub(crate) fn has_large_body(&self) -> bool {
        let Some(Body::Resource(body) | Body::JsonPatch(body)) = &self.body else { return false };
        is_larger(body, INLINE)
    }

    /// The request without its body.
    pub(crate) fn without_body(&self) -> Self {
        Self {
            route: self.route,
            target: self.target.clone(),
            params: self.params.clone(),
            path: self.path.clone(),
            body: None,
            conditions: self.conditions.clone(),
            prepared: Prepared::Nothing,
            new_id: self.new_id,
        }
    }
}

/// The result of preparing a body before the transaction, so that no such work is done while the writer is
/// held.
#[derive(Clone, Debug, Default)]
pub(crate) enum Prepared {
    /// Nothing: there is no body, or its meaning is known only in the transaction.
    #[default]
    Nothing,
    /// The draft of the resource to create or update.
    Draft(ResourceDraft),
    /// A version with the patch applied.
    Patched(Box<Patched>),
    /// The outcome of `$validate`.
    Outcome(Value),
}

/// A version of a resource with a patch applied.
#[derive(Clone, Debug)]
pub(crate) struct Patched {
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) body: Value,
    pub(super) draft: ResourceDraft,
}

/// The body of a request.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// A resource.
    Resource(Value),
    /// A JSON Patch.
    JsonPatch(Value),
}

/// `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since`, `If-None-Exist`.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the names are those of the headers")]
pub(crate) struct Conditions {
    /// The versions of which the current one must be one.
    pub(crate) if_match: Option<Versions>,
    /// The versions that the caller has cached.
    pub(crate) if_none_match: Option<Versions>,
    /// The caller's cached copy is from this time: only for reads (RFC 9110 §13.1.3).
    pub(crate) if_modified_since: Option<DateTime<Utc>>,
    /// The time since which the resource must not have changed.
    pub(crate) if_unmodified_since: Option<DateTime<Utc>>,
    /// The search that must match nothing.
    pub(crate) if_none_exist: Option<String>,
}

/// The type and id of a request on an instance.
pub(super) fn instance(request: &FhirRequest) -> Result<(ResourceType, &str), Refusal> {
    match (request.target.kind, &request.target.id) {
        (Some(kind), Some(id)) => Ok((kind, id)),
        _ => Err(Refusal::not_found()),
    }
}

/// The type of a request on a type.
pub(super) fn kind_of(request: &FhirRequest) -> Result<ResourceType, Refusal> {
    request.target.kind.ok_or_else(Refusal::not_found)
}

/// The resource in the body of a request.
pub(super) fn resource_of(request: &FhirRequest) -> Result<&Value, Refusal> {
    match &request.body {
        Some(Body::Resource(body)) => Ok(body),
        Some(Body::JsonPatch(_)) | None => {
            Err(Refusal::invalid("Send the resource as the body of the request."))
        }
    }
}

/// The parameters of a Parameters resource, in its order; `None` for a parameter without a primitive value.
pub(super) fn in_parameters(body: &Value) -> Vec<(&str, Option<String>)> {
    let parameters = body.get("parameter").and_then(Value::as_array).into_iter().flatten();
    let pair = |parameter: &'_ Value| -> Option<String> {
        let (_, value) = parameter.as_object()?.iter().find(|(key, _)| key.starts_with("value"))?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let name = |parameter| Value::as_str(Value::get(parameter, "name")?);
    parameters.filter_map(|parameter| Some((name(parameter)?, pair(parameter)))).collect()
}

/// The id of the resource that a request creates.
pub(super) fn new_id(context: &Context, request: &FhirRequest) -> Uuid {
    request.new_id.unwrap_or_else(|| ids::new_uuid(context.now()))
}

/// The draft of the resource in the body.
pub(super) fn draft_of(request: &FhirRequest) -> Result<&ResourceDraft, Refusal> {
    match &request.prepared {
        Prepared::Draft(draft) => Ok(draft),
        Prepared::Nothing | Prepared::Patched(_) | Prepared::Outcome(_) => {
            Err(Error::fault("a body was not read before its transaction").into())
        }
    }
}

/// Checks the conditional headers of a write, in the order of RFC 9110 §13.2.2: `If-Match`,
/// without it `If-Unmodified-Since`, then `If-None-Match`, which a read answers with 304 itself.
pub(super) fn check_preconditions(request: &FhirRequest, current: &StoredResource) -> Result<(), Refusal> {
    let Conditions { if_match, if_none_match, if_unmodified_since, .. } = &request.conditions;
    if (if_match, if_none_match, if_unmodified_since) == (&None, &None, &None) {
        return Ok(());
    }
    let version = current.version.to_string();
    let is_expected = match (if_match, if_unmodified_since) {
        (Some(expected), _) => expected.include(&version),
        (None, Some(since)) => current.updated_at.timestamp() <= since.timestamp(),
        (None, None) => true,
    };
    if !is_expected {
        let message = "The resource has changed since the version in If-Match, or the time in \
                    If-Unmodified-Since: read it again.";
        return Err(Refusal::precondition(IssueType::Conflict, message));
    }
    let is_known = if_none_match.as_ref().is_some_and(|known| known.include(&version));
    if is_known && request.route.handler.is_write() {
        let message = "If-None-Match matches the current version: nothing was written.";
        return Err(Refusal::precondition(IssueType::Conflict, message));
    }
    Ok(())
}

/// Refuses If-Match for a resource that does not exist.
pub(super) fn check_may_be_absent(request: &FhirRequest) -> Result<(), Refusal> {
    if request.conditions.if_match.is_none() {
        return Ok(());
    }
    let message = "No resource has a version in If-Match.";
    Err(Refusal::precondition(IssueType::Conflict, message))
}

/// Runs a request within a transaction.
pub(crate) type Execute = fn(&mut Tx<'_>, &Context, &FhirRequest) -> Result<Reply, Refusal>;

/// The handler of a route, by kind.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// The CapabilityStatement, which is cached as it is sent. No token is needed.
    Capabilities,
    /// The same response for every caller. No token is needed.
    Fixed(fn() -> Value),
    /// A Bundle of requests, each with its own route.
    Bundle,
    /// `$validate`: as far as possible outside of a transaction, because it may take long.
    Validate(Execute),
    /// Reads one resource.
    One(Execute),
    /// Reads several.
    Read(Execute),
    /// Searches, with parameters that may be in a form.
    Search(Execute),
    /// Writes.
    Write(Execute),
    /// Writes the resource in the body.
    Store(Execute, WritePurpose),
    /// Writes the result of a patch.
    Patch(Execute),
}

impl Handler {
    /// Whether it writes.
    pub(crate) const fn is_write(self) -> bool {
        match self {
            Self::Write(_) | Self::Store(..) | Self::Patch(_) => true,
            Self::Capabilities
            | Self::Fixed(_)
            | Self::Bundle
            | Self::Validate(_)
            | Self::One(_)
            | Self::Read(_)
            | Self::Search(_) => false,
        }
    }

    /// The purpose of the body, where it is a resource to write.
    pub(crate) const fn purpose(self) -> Option<WritePurpose> {
        if let Self::Store(_, purpose) = self { Some(purpose) } else { None }
    }

    /// Runs a request.
    pub(crate) fn execute(
        self,
        tx: &mut Tx<'_>,
        context: &Context,
        request: &FhirRequest,
    ) -> Result<Reply, Refusal> {
        match self {
            Self::Validate(execute)
            | Self::One(execute)
            | Self::Read(execute)
            | Self::Search(execute)
            | Self::Write(execute)
            | Self::Store(execute, _)
            | Self::Patch(execute) => execute(tx, context, request),
            Self::Fixed(answer) => Ok(Reply::made(200, answer())),
            // Neither runs inside a transaction: the one needs no database, the other consists of requests.
            Self::Capabilities | Self::Bundle => Err(Refusal::not_found()),
        }
    }
}

/// An operation (<https://hl7.org/fhir/R4/operations.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Its name, without the `$`.
    pub(crate) name: &'static str,
    /// The canonical URL of its definition.
    pub(crate) definition: &'static str,
}

/// A segment of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathSegment {
    Literal(&'static str),
    /// `$` and the name of the operation.
    Name,
    Type,
    Id,
    Version,
    /// In a compartment: a type, or `*`.
    Member,
}

/// Methods, and the path for which they have one handler.
pub(crate) type At = (&'static [Method], &'static [PathSegment]);

/// One route: an interaction (<https://hl7.org/fhir/R4/http.html>) or an operation.
pub(crate) struct Route {
    /// Its name in metrics and in the request log.
    pub(crate) name: &'static str,
    /// Its FHIR codes, as claimed in a CapabilityStatement.
    pub(crate) codes: &'static [&'static str],
    /// Its operation, if it is one.
    pub(crate) operation: Option<Operation>,
    /// The type of its audit event.
    pub(crate) audit: Audit,
    /// The required permission of a scope; `None` for public responses, and for Bundles of requests (SC-02).
    pub(crate) permission: Option<Permission>,
    pub(crate) at: &'static [At],
    /// The types that it applies to.
    pub(crate) applies: fn(ResourceType) -> bool,
    /// Its handler.
    pub(crate) handler: Handler,
}

impl fmt::Debug for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Route {
    /// Whether it is on the system level.
    pub(crate) fn is_of_system(&self) -> bool {
        self.at.iter().any(|(_, path)| !path.contains(&PathSegment::Type))
    }

    /// Whether it is about resources of this type.
    pub(crate) fn is_of(&self, kind: ResourceType) -> bool {
        (self.applies)(kind) && self.at.iter().any(|(_, path)| path.contains(&PathSegment::Type))
    }
}

/// The parsed path of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestTarget {
    pub(crate) kind: Option<ResourceType>,
    pub(crate) id: Option<String>,
    pub(crate) version: Option<String>,
    /// In a compartment: the types to search.
    pub(crate) members: Vec<ResourceType>,
}
