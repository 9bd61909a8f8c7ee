//! The interactions, one per file. Each runs in a transaction that it is given, so that a request alone
//! and an entry of a Bundle go the same way.

pub(crate) mod conditional;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod everything;
pub(crate) mod history;
pub(crate) mod meta;
pub(crate) mod patch;
pub(crate) mod read;
pub(crate) mod search;
pub(crate) mod subscription;
pub(crate) mod update;
pub(crate) mod validate;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::context::Context;
use crate::enforce;
use crate::refusal::Refusal;
use crate::resource;
use crate::resource::{Draft, Purpose, ResourceType, Stored};
use crate::routes::{Handler, Route, Target};
use base::cpu_pool::INLINE;
use base::error::Error;
use base::ids;
use base::json::is_larger;
use domain::audit::Shown;
use fhir::etag::Versions;
pub(crate) use patch::{Patched, asks, find_base, prepare as prepare_patch};
use service::access;
use service::access::Action;
use store::Tx;
pub(crate) use validate::{check, find as find_to_validate, outcome as outcome_of};

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

/// What came with a request.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// A resource.
    Resource(Value),
    /// A JSON Patch.
    JsonPatch(Value),
}

/// `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-None-Exist`.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the names are those of the headers")]
pub(crate) struct Conditions {
    /// The versions of which the present one must be one.
    pub(crate) if_match: Option<Versions>,
    /// The versions that the caller has.
    pub(crate) if_none_match: Option<Versions>,
    /// The time up to which the caller knows.
    pub(crate) if_modified_since: Option<DateTime<Utc>>,
    /// The search that must find nothing.
    pub(crate) if_none_exist: Option<String>,
}

/// What a request is answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The resource.
    pub(crate) body: Option<Value>,
    /// The document that `body` is still to be completed with ([`Reply::complete`]).
    pub(crate) document: Option<String>,
    /// The resource as it is sent, where it was rendered already and `body` is gone.
    pub(crate) rendered: Option<Vec<u8>>,
    /// Its version.
    pub(crate) version: Option<i64>,
    /// When that was written.
    pub(crate) last_modified: Option<DateTime<Utc>>,
    /// Where it is.
    pub(crate) location: Option<String>,
    /// What was written. Then `Prefer: return=…` decides what of the body is sent.
    pub(crate) written: Option<(ResourceType, String)>,
    /// Whose data, or which resources, the answer discloses: for the audit record.
    pub(crate) disclosed: Vec<Shown>,
    /// Whether it holds a secret: nobody on the way may keep it.
    pub(crate) is_secret: bool,
}

impl Reply {
    /// A resource, read.
    fn found(stored: Stored) -> Self {
        Self {
            status: 200,
            version: Some(stored.version),
            last_modified: Some(stored.updated_at),
            location: None,
            is_secret: stored.kind == ResourceType::Subscription,
            disclosed: vec![stored.disclosed()],
            body: Some(stored.body),
            document: stored.document,
            rendered: None,
            written: None,
        }
    }

    /// A resource, written.
    fn written(status: u16, stored: Stored, context: &Context) -> Self {
        let Stored { kind, id, version, .. } = &stored;
        let location = format!("{}/{}/{id}/_history/{version}", context.base, kind.name());
        let written = Some((*kind, id.clone()));
        Self { status, location: Some(location), written, ..Self::found(stored) }
    }

    /// Puts into the body what was left out of it in the transaction.
    pub(crate) fn complete(mut self) -> Result<Self, Error> {
        if let (Some(document), Some(body)) = (self.document.take(), &mut self.body) {
            resource::complete(body, &document)?;
        }
        Ok(self)
    }

    /// Nothing to tell: it is deleted.
    fn nothing() -> Self {
        Self { status: 204, body: None, ..Self::made(204, Value::Null) }
    }

    /// Something that is no resource of its own and discloses none: an outcome, parameters.
    pub(crate) fn made(status: u16, body: Value) -> Self {
        Self {
            status,
            body: Some(body),
            version: None,
            last_modified: None,
            location: None,
            document: None,
            rendered: None,
            written: None,
            disclosed: Vec::new(),
            is_secret: false,
        }
    }

    /// 200: a Bundle, an outcome or parameters made of these resources.
    pub(crate) fn made_of(disclosed: Vec<Shown>, body: Value) -> Self {
        Self { disclosed, ..Self::made(200, body) }
    }
}

/// Carries a request out that was prepared or needs no preparation.
pub(crate) fn perform(tx: &mut Tx<'_>, context: &Context, request: &Request) -> Result<Reply, Refusal> {
    authorize(context, request)?;
    perform_judged(tx, context, request)
}

/// Refuses what the database need not be asked about: what the caller may never do, and a resource that is not valid. What
/// is left of a body is a draft.
pub(crate) fn judge(context: &Context, request: &mut Request) -> Result<(), Refusal> {
    authorize(context, request)?;
    prepare(context, request)
}

/// Refuses what the caller may never do, whatever the request brings.
pub(crate) fn authorize(context: &Context, request: &Request) -> Result<(), Refusal> {
    if !request.route.handler.is_write() {
        let reads_roles = request.target.kind == Some(ResourceType::Consent);
        let action = if reads_roles { Action::SearchRoles } else { Action::ReadRecords };
        access::decide_kind(&context.caller.who, action)?;
    }
    enforce::check_patient(context, request)?;
    if let Some(letter) = request.route.permission {
        // A search in a compartment is about its members, not about the patient whose it is.
        let Target { kind, members, .. } = &request.target;
        let kinds = if members.is_empty() { kind.as_slice() } else { members };
        enforce::check_any(context, kinds, letter)?;
    }
    match (request.route.handler.purpose(), request.target.kind) {
        (Some(purpose), Some(kind)) => resource::decide_kind(context, kind, purpose),
        (Some(_), None) | (None, _) => Ok(()),
    }
}

/// By which condition a request finds what it writes, if by one.
pub(crate) fn condition_of(request: &Request) -> Option<Vec<(String, String)>> {
    match request.route.handler {
        // One that cannot be read is refused when its turn comes.
        Handler::Store(_, Purpose::Create) => create::condition(request).ok().flatten(),
        Handler::Store(_, Purpose::Either) => Some(request.params.clone()),
        Handler::Patch(_) => request.target.id.is_none().then(|| request.params.clone()),
        Handler::Store(_, Purpose::Update)
        | Handler::Capabilities
        | Handler::Fixed(_)
        | Handler::Bundle
        | Handler::Validate(_)
        | Handler::One(_)
        | Handler::Read(_)
        | Handler::Search(_)
        | Handler::Write(_) => None,
    }
}

/// Validates the resource that is brought, and reads it.
fn prepare(context: &Context, request: &mut Request) -> Result<(), Refusal> {
    if request.route.handler.purpose().is_some() {
        check(resource_of(request)?, kind_of(request)?)?;
        read_draft(context, request)?;
        keep_head(request);
    }
    Ok(())
}

/// Leaves of a body that was read what tells which resource it is: to free the rest costs time as well, which should
/// not be that of the transaction.
pub(crate) fn keep_head(request: &mut Request) {
    if let Some(Body::Resource(Value::Object(members))) = &mut request.body {
        members.retain(|name, _| matches!(name.as_str(), "resourceType" | "id" | "meta"));
    }
}

/// Reads the resource that is brought, which was validated.
pub(crate) fn read_draft(context: &Context, request: &mut Request) -> Result<(), Refusal> {
    if let Some(purpose) = request.route.handler.purpose() {
        let draft = resource::read(context, kind_of(request)?, resource_of(request)?, purpose)?;
        request.prepared = Prepared::Draft(draft);
    }
    Ok(())
}

/// Carries out a request that was found to be one ([`judge`]).
pub(crate) fn perform_judged(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &Request,
) -> Result<Reply, Refusal> {
    let mut reply = request.route.handler.execute(tx, context, request)?;
    if let (Some((kind, id)), Some(letter)) = (&reply.written, request.route.permission) {
        enforce::check_written(tx, context, *kind, id, letter)?;
        // To write is not to read: without that the answer is its status and headers.
        if !enforce::may_read(tx, context, *kind, id)? {
            (reply.body, reply.document) = (None, None);
        }
    }
    Ok(reply)
}

/// The type and id of a request on an instance.
fn instance(request: &Request) -> Result<(ResourceType, &str), Refusal> {
    match (request.target.kind, &request.target.id) {
        (Some(kind), Some(id)) => Ok((kind, id)),
        _ => Err(Refusal::not_found()),
    }
}

/// The type of a request on a type.
fn kind_of(request: &Request) -> Result<ResourceType, Refusal> {
    request.target.kind.ok_or_else(Refusal::not_found)
}

/// The resource that came with a request.
fn resource_of(request: &Request) -> Result<&Value, Refusal> {
    match &request.body {
        Some(Body::Resource(body)) => Ok(body),
        Some(Body::JsonPatch(_)) | None => {
            Err(Refusal::invalid("Send the resource as the body of the request."))
        }
    }
}

/// The id of what a request creates.
fn new_id(context: &Context, request: &Request) -> Uuid {
    request.new_id.unwrap_or_else(|| ids::new_uuid(context.now()))
}

/// What was read of the resource that came with a request.
fn draft_of(request: &Request) -> Result<&Draft, Refusal> {
    match &request.prepared {
        Prepared::Draft(draft) => Ok(draft),
        Prepared::Nothing | Prepared::Patched(_) | Prepared::Outcome(_) => {
            Err(Error::fault("a body was not read before its transaction").into())
        }
    }
}

/// Refuses a version that the caller did not expect.
fn check_if_match(request: &Request, current: &Stored) -> Result<(), Refusal> {
    let Some(expected) = &request.conditions.if_match else { return Ok(()) };
    if expected.include(&current.version.to_string()) {
        return Ok(());
    }
    let told = "The resource has changed since the version that If-Match names: read it again.";
    Err(Refusal::precondition(fhir::outcome::IssueType::Conflict, told))
}
