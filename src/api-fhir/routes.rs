//! Every route of this front, as data: it drives the dispatch, `Allow`, the CapabilityStatement and the
//! request log.

use actix_web::http::Method;

use crate::refusal::Refusal;
use crate::resource::{Backing, ResourceType};

/// What a request asks for (<https://hl7.org/fhir/R4/http.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interaction {
    Capabilities,
    Versions,
    Batch,
    SearchSystem,
    HistorySystem,
    SearchType,
    Create,
    ConditionalUpdate,
    ConditionalPatch,
    HistoryType,
    Validate,
    Read,
    Update,
    Patch,
    Delete,
    HistoryInstance,
    ValidateInstance,
    VRead,
    Everything,
    Meta,
    SearchCompartment,
    Status,
    Events,
    Resend,
    BindingToken,
    RotateSecret,
    Secret,
    Attempts,
}

/// An operation (<https://hl7.org/fhir/R4/operations.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Its name, without the `$`.
    pub(crate) name: &'static str,
    /// The canonical URL of its definition.
    pub(crate) definition: &'static str,
}

impl Interaction {
    /// The operation that it is, if it is one.
    pub(crate) fn operation(self) -> Option<Operation> {
        let (name, definition) = match self {
            Self::Validate | Self::ValidateInstance => {
                ("validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate")
            }
            Self::Everything => ("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"),
            Self::Meta => ("meta", "http://hl7.org/fhir/OperationDefinition/Resource-meta"),
            Self::Versions => {
                ("versions", "http://hl7.org/fhir/OperationDefinition/CapabilityStatement-versions")
            }
            Self::Status => ("status", BACKPORT_STATUS),
            Self::Events => ("events", BACKPORT_EVENTS),
            Self::BindingToken => ("get-ws-binding-token", BACKPORT_BINDING),
            Self::Resend => ("resend", OUR_RESEND),
            Self::RotateSecret => ("rotate-secret", OUR_ROTATE_SECRET),
            Self::Secret => ("secret", OUR_SECRET),
            Self::Attempts => ("attempts", OUR_ATTEMPTS),
            Self::Capabilities
            | Self::Batch
            | Self::SearchSystem
            | Self::HistorySystem
            | Self::SearchType
            | Self::Create
            | Self::ConditionalUpdate
            | Self::ConditionalPatch
            | Self::HistoryType
            | Self::Read
            | Self::Update
            | Self::Patch
            | Self::Delete
            | Self::HistoryInstance
            | Self::VRead
            | Self::SearchCompartment => return None,
        };
        Some(Operation { name, definition })
    }
}

const BACKPORT_STATUS: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-status";
const BACKPORT_EVENTS: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-events";
const BACKPORT_BINDING: &str = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-get-ws-binding-token";
const OUR_RESEND: &str = "https://fhir.onbehalf.org.uk/R4/OperationDefinition/Subscription-resend";
const OUR_ROTATE_SECRET: &str =
    "https://fhir.onbehalf.org.uk/R4/OperationDefinition/Subscription-rotate-secret";
const OUR_SECRET: &str = "https://fhir.onbehalf.org.uk/R4/OperationDefinition/Subscription-secret";
const OUR_ATTEMPTS: &str = "https://fhir.onbehalf.org.uk/R4/OperationDefinition/Subscription-attempts";

/// A part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Literal(&'static str),
    Type,
    Id,
    Version,
    /// In a compartment: a type, or `*`.
    Member,
}

/// One route.
pub(crate) struct Route {
    method: Method,
    path: &'static [Part],
    /// What it does.
    pub(crate) interaction: Interaction,
    /// For which types.
    pub(crate) applies: fn(ResourceType) -> bool,
}

impl Route {
    /// Whether it is about the whole server, not about a type.
    pub(crate) fn is_of_system(&self) -> bool {
        !self.path.contains(&Type)
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

use Part::{Id, Literal, Member, Type, Version};

const fn any(_: ResourceType) -> bool {
    true
}

const fn writable(kind: ResourceType) -> bool {
    kind.is_writable()
}

const fn rows(kind: ResourceType) -> bool {
    matches!(kind.backing(), Backing::Rows { .. })
}

const fn deletable(kind: ResourceType) -> bool {
    kind.is_deletable()
}

const fn subscription(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::Subscription)
}

const fn patient(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::Patient)
}

const fn route(
    method: Method,
    path: &'static [Part],
    interaction: Interaction,
    applies: fn(ResourceType) -> bool,
) -> Route {
    Route { method, path, interaction, applies }
}

/// The table.
pub(crate) static ROUTES: [Route; 50] = [
    route(Method::GET, &[Literal("metadata")], Interaction::Capabilities, any),
    route(Method::GET, &[Literal("$versions")], Interaction::Versions, any),
    route(Method::POST, &[Literal("$versions")], Interaction::Versions, any),
    route(Method::GET, &[Literal("$meta")], Interaction::Meta, any),
    route(Method::POST, &[Literal("$meta")], Interaction::Meta, any),
    route(Method::POST, &[], Interaction::Batch, any),
    route(Method::GET, &[], Interaction::SearchSystem, any),
    route(Method::POST, &[Literal("_search")], Interaction::SearchSystem, any),
    route(Method::GET, &[Literal("_history")], Interaction::HistorySystem, any),
    route(Method::GET, &[Type], Interaction::SearchType, any),
    route(Method::POST, &[Type, Literal("_search")], Interaction::SearchType, any),
    route(Method::POST, &[Type], Interaction::Create, writable),
    route(Method::PUT, &[Type], Interaction::ConditionalUpdate, writable),
    route(Method::PATCH, &[Type], Interaction::ConditionalPatch, writable),
    route(Method::GET, &[Type, Literal("_history")], Interaction::HistoryType, rows),
    route(Method::POST, &[Type, Literal("$validate")], Interaction::Validate, any),
    route(Method::GET, &[Type, Literal("$meta")], Interaction::Meta, any),
    route(Method::POST, &[Type, Literal("$meta")], Interaction::Meta, any),
    route(Method::GET, &[Type, Literal("$everything")], Interaction::Everything, patient),
    route(Method::POST, &[Type, Literal("$everything")], Interaction::Everything, patient),
    route(Method::GET, &[Type, Literal("$status")], Interaction::Status, subscription),
    route(Method::POST, &[Type, Literal("$status")], Interaction::Status, subscription),
    route(Method::GET, &[Type, Literal("$get-ws-binding-token")], Interaction::BindingToken, subscription),
    route(Method::POST, &[Type, Literal("$get-ws-binding-token")], Interaction::BindingToken, subscription),
    route(Method::GET, &[Type, Id], Interaction::Read, any),
    route(Method::PUT, &[Type, Id], Interaction::Update, writable),
    route(Method::PATCH, &[Type, Id], Interaction::Patch, writable),
    route(Method::DELETE, &[Type, Id], Interaction::Delete, deletable),
    route(Method::GET, &[Type, Id, Literal("_history")], Interaction::HistoryInstance, rows),
    route(Method::GET, &[Type, Id, Literal("_history"), Version], Interaction::VRead, any),
    route(Method::POST, &[Type, Id, Literal("$validate")], Interaction::ValidateInstance, any),
    route(Method::GET, &[Type, Id, Literal("$validate")], Interaction::ValidateInstance, any),
    route(Method::GET, &[Type, Id, Literal("$meta")], Interaction::Meta, any),
    route(Method::POST, &[Type, Id, Literal("$meta")], Interaction::Meta, any),
    route(Method::GET, &[Type, Id, Literal("$everything")], Interaction::Everything, patient),
    route(Method::POST, &[Type, Id, Literal("$everything")], Interaction::Everything, patient),
    route(Method::GET, &[Type, Id, Literal("$status")], Interaction::Status, subscription),
    route(Method::POST, &[Type, Id, Literal("$status")], Interaction::Status, subscription),
    route(Method::GET, &[Type, Id, Literal("$events")], Interaction::Events, subscription),
    route(Method::POST, &[Type, Id, Literal("$events")], Interaction::Events, subscription),
    route(Method::POST, &[Type, Id, Literal("$resend")], Interaction::Resend, subscription),
    route(
        Method::GET,
        &[Type, Id, Literal("$get-ws-binding-token")],
        Interaction::BindingToken,
        subscription,
    ),
    route(
        Method::POST,
        &[Type, Id, Literal("$get-ws-binding-token")],
        Interaction::BindingToken,
        subscription,
    ),
    route(Method::POST, &[Type, Id, Literal("$rotate-secret")], Interaction::RotateSecret, subscription),
    route(Method::GET, &[Type, Id, Literal("$secret")], Interaction::Secret, subscription),
    route(Method::POST, &[Type, Id, Literal("$secret")], Interaction::Secret, subscription),
    route(Method::GET, &[Type, Id, Literal("$attempts")], Interaction::Attempts, subscription),
    route(Method::POST, &[Type, Id, Literal("$attempts")], Interaction::Attempts, subscription),
    route(Method::GET, &[Type, Id, Member], Interaction::SearchCompartment, patient),
    route(Method::POST, &[Type, Id, Member, Literal("_search")], Interaction::SearchCompartment, patient),
];

/// Every method and path that the table answers, for each type: with `{id}` for an id and `{version}` for a version. For checks that
/// must leave none out.
pub fn every_route() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for route in &ROUTES {
        let kinds: Vec<Option<ResourceType>> = if route.is_of_system() {
            vec![None]
        } else {
            ResourceType::ALL.into_iter().filter(|kind| (route.applies)(*kind)).map(Some).collect()
        };
        let members = COMPARTMENT.map(ResourceType::name).into_iter().chain(["*"]);
        let members: Vec<&str> = if route.path.contains(&Member) { members.collect() } else { vec![""] };
        for kind in kinds {
            for member in &members {
                let part = |part: &Part| match part {
                    Literal(literal) => *literal,
                    Type => kind.map_or("", ResourceType::name),
                    Id => "{id}",
                    Version => "{version}",
                    Member => *member,
                };
                let parts: Vec<&str> = std::iter::once("").chain(route.path.iter().map(part)).collect();
                all.push((route.method.as_str(), parts.join("/")));
            }
        }
    }
    all
}

/// The types of a patient's compartment that this server has. The audit comes last: it is the most.
pub(crate) const COMPARTMENT: [ResourceType; 5] = [
    ResourceType::Consent,
    ResourceType::RelatedPerson,
    ResourceType::QuestionnaireResponse,
    ResourceType::Provenance,
    ResourceType::AuditEvent,
];

/// Finds what a request asks for. Types, ids and paths are case-sensitive (G-02). HEAD asks for what GET
/// asks for (G-13).
pub(crate) fn resolve(method: &Method, path: &str) -> Result<(Interaction, Target), Refusal> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let fitting = ROUTES.iter().filter_map(|route| {
        let target = fit(route.path, &parts)?;
        target.kind.is_none_or(route.applies).then_some((route, target))
    });
    let fitting: Vec<(&Route, Target)> = fitting.collect();
    let sought = if *method == Method::HEAD { &Method::GET } else { method };
    match fitting.iter().find(|(route, _)| route.method == *sought) {
        Some((route, target)) => Ok((route.interaction, target.clone())),
        None if fitting.is_empty() => Err(Refusal::not_found()),
        None => Err(refuse_method(method, &fitting)),
    }
}

fn refuse_method(method: &Method, fitting: &[(&Route, Target)]) -> Refusal {
    let has = |method: &Method| fitting.iter().any(|(route, _)| route.method == *method);
    let is_instance = fitting.iter().any(|(route, _)| route.interaction == Interaction::Read);
    let is_role = fitting.iter().any(|(_, target)| target.kind == Some(ResourceType::Consent));
    let told = if *method == Method::DELETE && is_role {
        "A role is never deleted: end it with a status, and its history stays."
    } else if *method == Method::DELETE && is_instance {
        "Nothing is deleted here: the record of what was known stays."
    } else {
        "This is not done with resources of this type."
    };
    if has(&Method::DELETE) {
        return Refusal::not_allowed("GET, HEAD, PUT, PATCH, DELETE", told);
    }
    let allow = match (has(&Method::GET), has(&Method::POST), has(&Method::PUT)) {
        (true, true, true) => "GET, HEAD, POST, PUT, PATCH",
        (true, false, true) => "GET, HEAD, PUT, PATCH",
        (true, true, false) => "GET, HEAD, POST",
        (true, false, false) => "GET, HEAD",
        _ => "POST",
    };
    Refusal::not_allowed(allow, told)
}

fn fit(pattern: &[Part], parts: &[&str]) -> Option<Target> {
    if pattern.len() != parts.len() {
        return None;
    }
    let mut target = Target::default();
    for (part, text) in pattern.iter().zip(parts) {
        match part {
            Literal(literal) => (literal == text).then_some(())?,
            Type => target.kind = Some(ResourceType::parse(text)?),
            Id => target.id = Some(text.to_string()).filter(|id| is_id(id)),
            Version => target.version = Some(text.to_string()),
            Member if *text == "*" => target.members = COMPARTMENT.to_vec(),
            Member => {
                let member = ResourceType::parse(text).filter(|kind| COMPARTMENT.contains(kind))?;
                target.members = vec![member];
            }
        }
    }
    // A text that can be no id can name nothing (G-03).
    (!pattern.contains(&Id) || target.id.is_some()).then_some(target)
}

/// FHIR's `id`: 1 to 64 letters, digits, hyphens and full stops.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        && !text.starts_with('_')
        && !text.starts_with('$')
}
