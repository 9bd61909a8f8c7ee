//! A request, understood, and the route that it takes: what says how it is carried out.

use std::fmt;

use actix_web::http::Method;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::reply::Reply;
use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::kind::{Draft, Purpose};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored::Stored;
use base::cpu_pool::INLINE;
use base::error::Error;
use base::ids;
use base::json::is_larger;
use domain::account::Letter;
use domain::audit::Interaction as Audit;
use fhir::etag::Versions;
use fhir::outcome::IssueType;
use store::Tx;

/// A request, understood.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// What is asked for.
    pub(crate) route: &'static Route,
    /// Of what.
    pub(crate) target: Target,
    /// The parameters of query and form, decoded.
    pub(crate) params: Vec<(String, String)>,
    /// The path that was asked for, below the base, for links.
    pub(crate) path: String,
    /// The resource that came with it.
    pub(crate) body: Option<Body>,
    /// Under which conditions.
    pub(crate) conditions: Conditions,
    /// What was made of the body before the transaction.
    pub(crate) prepared: Prepared,
    /// The id of what it creates, where other entries of its transaction name that; else one is drawn.
    pub(crate) new_id: Option<Uuid>,
}

impl Request {
    /// Whether what came with it is more than a thread that serves should work on.
    pub(crate) fn has_large_body(&self) -> bool {
        let Some(Body::Resource(body) | Body::JsonPatch(body)) = &self.body else { return false };
        is_larger(body, INLINE)
    }

    /// What it asks for, without what came with it.
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

/// What was made of a body before the transaction, so that nothing of it is worked on while the database is held.
#[derive(Clone, Debug, Default)]
pub(crate) enum Prepared {
    /// Nothing: there is no body, or what it means is known in the transaction only.
    #[default]
    Nothing,
    /// The draft that a resource is created or updated by.
    Draft(Draft),
    /// A version with its patch applied.
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
    pub(super) draft: Draft,
}

/// What came with a request.
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
    /// The versions of which the present one must be one.
    pub(crate) if_match: Option<Versions>,
    /// The versions that the caller has.
    pub(crate) if_none_match: Option<Versions>,
    /// The time up to which the caller knows: of a read alone (RFC 9110 §13.1.3).
    pub(crate) if_modified_since: Option<DateTime<Utc>>,
    /// The time since which it must not have changed.
    pub(crate) if_unmodified_since: Option<DateTime<Utc>>,
    /// The search that must find nothing.
    pub(crate) if_none_exist: Option<String>,
}

/// The type and id of a request on an instance.
pub(super) fn instance(request: &Request) -> Result<(ResourceType, &str), Refusal> {
    match (request.target.kind, &request.target.id) {
        (Some(kind), Some(id)) => Ok((kind, id)),
        _ => Err(Refusal::not_found()),
    }
}

/// The type of a request on a type.
pub(super) fn kind_of(request: &Request) -> Result<ResourceType, Refusal> {
    request.target.kind.ok_or_else(Refusal::not_found)
}

/// The resource that came with a request.
pub(super) fn resource_of(request: &Request) -> Result<&Value, Refusal> {
    match &request.body {
        Some(Body::Resource(body)) => Ok(body),
        Some(Body::JsonPatch(_)) | None => {
            Err(Refusal::invalid("Send the resource as the body of the request."))
        }
    }
}

/// The parameters of a Parameters resource, in its order; without a value where a parameter has none, or is a resource or parts.
pub(super) fn in_parameters(body: &Value) -> Vec<(&str, Option<String>)> {
    let parameters = body.get("parameter").and_then(Value::as_array).into_iter().flatten();
    let pair = |parameter: &'_ Value| -> Option<String> {
        let (_, value) = parameter.as_object()?.iter().find(|(key, _)| key.starts_with("value"))?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let name = |parameter| Value::as_str(Value::get(parameter, "name")?);
    parameters.filter_map(|parameter| Some((name(parameter)?, pair(parameter)))).collect()
}

/// The id of what a request creates.
pub(super) fn new_id(context: &Context, request: &Request) -> Uuid {
    request.new_id.unwrap_or_else(|| ids::new_uuid(context.now()))
}

/// What was read of the resource that came with a request.
pub(super) fn draft_of(request: &Request) -> Result<&Draft, Refusal> {
    match &request.prepared {
        Prepared::Draft(draft) => Ok(draft),
        Prepared::Nothing | Prepared::Patched(_) | Prepared::Outcome(_) => {
            Err(Error::fault("a body was not read before its transaction").into())
        }
    }
}

/// Refuses a version that the caller did not expect, in the order of RFC 9110 §13.2.2: `If-Match`, without
/// it `If-Unmodified-Since`, then `If-None-Match`, which a read answers with 304 itself.
pub(super) fn check_preconditions(request: &Request, current: &Stored) -> Result<(), Refusal> {
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
        let told = "The resource has changed since the version that If-Match names, or the time that \
                    If-Unmodified-Since names: read it again.";
        return Err(Refusal::precondition(IssueType::Conflict, told));
    }
    let is_known = if_none_match.as_ref().is_some_and(|known| known.include(&version));
    if is_known && request.route.handler.is_write() {
        let told = "If-None-Match names the version that there is: nothing was written.";
        return Err(Refusal::precondition(IssueType::Conflict, told));
    }
    Ok(())
}

/// Refuses a version that the caller expects of what is not there.
pub(super) fn check_may_be_absent(request: &Request) -> Result<(), Refusal> {
    if request.conditions.if_match.is_none() {
        return Ok(());
    }
    let told = "There is no resource that has a version which If-Match names.";
    Err(Refusal::precondition(IssueType::Conflict, told))
}

/// Carries a request out within a transaction.
pub(crate) type Execute = fn(&mut Tx<'_>, &Context, &Request) -> Result<Reply, Refusal>;

/// What carries a request out, and how.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// The CapabilityStatement, which is kept as it is sent. No token is needed.
    Capabilities,
    /// The same answer for everybody. No token is needed.
    Fixed(fn() -> Value),
    /// A Bundle of requests, each with a route of its own.
    Bundle,
    /// `$validate`: outside of a transaction what it can, for it may take long.
    Validate(Execute),
    /// Reads one resource.
    One(Execute),
    /// Reads.
    Read(Execute),
    /// Reads, by parameters that may come as a form.
    Search(Execute),
    /// Writes.
    Write(Execute),
    /// Writes the resource that comes with it.
    Store(Execute, Purpose),
    /// Writes what a patch makes of a resource.
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

    /// What the body becomes, where it is a resource that is written.
    pub(crate) const fn purpose(self) -> Option<Purpose> {
        if let Self::Store(_, purpose) = self { Some(purpose) } else { None }
    }

    /// Carries a request out.
    pub(crate) fn execute(
        self,
        tx: &mut Tx<'_>,
        context: &Context,
        request: &Request,
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
            // Neither is done inside a transaction: the one needs no database, the other is made of requests.
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

/// A part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(&'static str),
    /// `$` and the name of the operation.
    Name,
    Type,
    Id,
    Version,
    /// In a compartment: a type, or `*`.
    Member,
}

/// Methods, and the path at which they are answered alike.
pub(crate) type At = (&'static [Method], &'static [Part]);

/// One route: an interaction (<https://hl7.org/fhir/R4/http.html>) or an operation.
pub(crate) struct Route {
    /// Its name in metrics and in the request log.
    pub(crate) name: &'static str,
    /// FHIR's codes for it, as a CapabilityStatement claims it.
    pub(crate) codes: &'static [&'static str],
    /// The operation that it is, if it is one.
    pub(crate) operation: Option<Operation>,
    /// The type of its audit event.
    pub(crate) audit: Audit,
    /// The letter of a scope that it needs; none for what is answered to everybody or is made of other requests (SC-02).
    pub(crate) permission: Option<Letter>,
    pub(crate) at: &'static [At],
    /// For which types.
    pub(crate) applies: fn(ResourceType) -> bool,
    /// What carries it out.
    pub(crate) handler: Handler,
}

impl fmt::Debug for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Route {
    /// Whether it is about the whole server.
    pub(crate) fn is_of_system(&self) -> bool {
        self.at.iter().any(|(_, path)| !path.contains(&Part::Type))
    }

    /// Whether it is about resources of this type.
    pub(crate) fn is_of(&self, kind: ResourceType) -> bool {
        (self.applies)(kind) && self.at.iter().any(|(_, path)| path.contains(&Part::Type))
    }
}

/// A request's path, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: Option<ResourceType>,
    pub(crate) id: Option<String>,
    pub(crate) version: Option<String>,
    /// In a compartment: the types that are searched.
    pub(crate) members: Vec<ResourceType>,
}
