//! Every route of this API, as data. A row completely describes an interaction or operation: its methods and
//! paths, its types, the scope that it needs, its type of audit event, and its handler, which distinguishes
//! reads from writes. Dispatch, `Allow`, CapabilityStatement, metrics, audit records and the check of scopes
//! are derived from the row, so that an operation is added by its row, the file of its handler, and its
//! definition in `fhir-profiles/`.

use actix_web::http::Method;

use crate::interaction::operation::{everything, expand, meta, versions};
use crate::interaction::request::{At, Handler, Operation, PathSegment, RequestTarget, Route};
use crate::interaction::{create, delete, history, patch, read, search, subscription, update, validate};
use crate::refusal::Refusal;
use crate::resource::definition::{Storage, WritePurpose};
use crate::resource::resource_type::{COMPARTMENT, ResourceType, is_id};
use domain::account::Permission;
use domain::audit::Interaction as Audit;

use Handler::{Bundle, Capabilities, Fixed, One, Patch, Read, Search, Store, Validate, Write};
use PathSegment::{Id, Literal, Member, Name, Type, Version};

const fn any(_: ResourceType) -> bool {
    true
}

const fn writable(kind: ResourceType) -> bool {
    kind.is_writable()
}

const fn rows(kind: ResourceType) -> bool {
    matches!(kind.storage(), Storage::Rows { .. })
}

const fn deletable(kind: ResourceType) -> bool {
    kind.is_deletable()
}

const fn subscriptions(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::Subscription)
}

const fn value_sets(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::ValueSet)
}

const fn patients(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::Patient)
}

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const PUT: &[Method] = &[Method::PUT];
const PATCH: &[Method] = &[Method::PATCH];
const DELETE: &[Method] = &[Method::DELETE];
/// The methods of most operations (<https://hl7.org/fhir/R4/operations.html#executing>).
const BOTH: &[Method] = &[Method::GET, Method::POST];

const HISTORY: PathSegment = Literal("_history");
const SEARCH: PathSegment = Literal("_search");

/// The methods of `Allow`, in its order.
const METHODS: &[Method] =
    &[Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

const fn interaction(
    name: &'static str,
    codes: &'static [&'static str],
    audit: Audit,
    permission: Option<Permission>,
    (at, applies): (&'static [At], fn(ResourceType) -> bool),
    handler: Handler,
) -> Route {
    Route { name, codes, operation: None, audit, permission, at, applies, handler }
}

const fn operation(
    name: &'static str,
    (operation, definition): (&'static str, &'static str),
    permission: Option<Permission>,
    (at, applies): (&'static [At], fn(ResourceType) -> bool),
    handler: Handler,
) -> Route {
    let operation = Some(Operation { name: operation, definition });
    Route { name, codes: &[], operation, audit: Audit::Operation, permission, at, applies, handler }
}

const C: Option<Permission> = Some(Permission::Create);
const R: Option<Permission> = Some(Permission::Read);
const U: Option<Permission> = Some(Permission::Update);
const D: Option<Permission> = Some(Permission::Delete);
const S: Option<Permission> = Some(Permission::Search);

/// The route table. An interaction: its name, its codes, its audit event, the scope that it needs, its paths
/// and types, and its handler. An operation: its name, that of its definition and its URL, the scope, its
/// paths and types, and its handler. Interactions are claimed in this order.
#[rustfmt::skip]
pub(crate) static ROUTES: &[Route] = &[
    interaction("Capabilities", &[], Audit::Operation, None, (&[(GET, &[Literal("metadata")])], any), Capabilities),
    interaction("Batch", &["transaction", "batch"], Audit::Batch, None, (&[(POST, &[])], any), Bundle),
    interaction("SearchSystem", &["search-system"], Audit::SearchSystem, S,
        (&[(GET, &[]), (POST, &[SEARCH])], any), Search(search::search)),
    interaction("HistorySystem", &["history-system"], Audit::HistorySystem, S,
        (&[(GET, &[HISTORY])], any), Read(history::history)),

    interaction("Read", &["read"], Audit::Read, R, (&[(GET, &[Type, Id])], any), One(read::read)),
    interaction("VRead", &["vread"], Audit::VRead, R,
        (&[(GET, &[Type, Id, HISTORY, Version])], any), One(read::vread)),
    interaction("Update", &["update"], Audit::Update, U,
        (&[(PUT, &[Type, Id])], writable), Store(update::update, WritePurpose::Update)),
    interaction("Patch", &["patch"], Audit::Patch, U,
        (&[(PATCH, &[Type, Id])], writable), Patch(patch::patch)),
    interaction("Delete", &["delete"], Audit::Delete, D,
        (&[(DELETE, &[Type, Id])], deletable), Write(delete::delete)),
    interaction("HistoryInstance", &["history-instance"], Audit::HistoryInstance, R,
        (&[(GET, &[Type, Id, HISTORY])], rows), Read(history::history)),
    interaction("HistoryType", &["history-type"], Audit::HistoryType, S,
        (&[(GET, &[Type, HISTORY])], rows), Read(history::history)),
    interaction("Create", &["create"], Audit::Create, C,
        (&[(POST, &[Type])], writable), Store(create::create, WritePurpose::Create)),
    interaction("SearchType", &["search-type"], Audit::SearchType, S,
        (&[(GET, &[Type]), (POST, &[Type, SEARCH])], any), Search(search::search)),

    // A CapabilityStatement claims these by flags. They need the permission to update even where they create
    // (SMART App Launch 2.2).
    interaction("ConditionalUpdate", &[], Audit::Update, U,
        (&[(PUT, &[Type])], writable), Store(update::conditional_update, WritePurpose::Either)),
    interaction("ConditionalPatch", &[], Audit::Patch, U,
        (&[(PATCH, &[Type])], writable), Patch(patch::conditional_patch)),
    interaction("SearchCompartment", &[], Audit::SearchType, S,
        (&[(GET, &[Type, Id, Member]), (POST, &[Type, Id, Member, SEARCH])], patients), Search(search::search)),

    operation("Versions", ("versions", "http://hl7.org/fhir/OperationDefinition/CapabilityStatement-versions"), None,
        (&[(BOTH, &[Name])], any), Fixed(versions::versions)),
    operation("Meta", ("meta", "http://hl7.org/fhir/OperationDefinition/Resource-meta"), R,
        (&[(BOTH, &[Name]), (BOTH, &[Type, Name]), (BOTH, &[Type, Id, Name])], any), Read(meta::meta)),
    operation("Validate", ("validate", RESOURCE_VALIDATE), None,
        (&[(POST, &[Type, Name])], any), Validate(validate::validate)),
    operation("ValidateInstance", ("validate", RESOURCE_VALIDATE), R,
        (&[(BOTH, &[Type, Id, Name])], any), Validate(validate::validate)),
    operation("Everything", ("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"), R,
        (&[(BOTH, &[Type, Name]), (BOTH, &[Type, Id, Name])], patients), Read(everything::everything)),
    operation("Expand", ("expand", "http://hl7.org/fhir/OperationDefinition/ValueSet-expand"), R,
        (&[(BOTH, &[Type, Name]), (BOTH, &[Type, Id, Name])], value_sets), Read(expand::expand)),

    operation("Status", ("status", BACKPORT_STATUS), R,
        (&[(BOTH, &[Type, Name]), (BOTH, &[Type, Id, Name])], subscriptions), Read(subscription::status)),
    operation("Events", ("events", BACKPORT_EVENTS), R,
        (&[(BOTH, &[Type, Id, Name])], subscriptions), Read(subscription::events)),
    operation("BindingToken", ("get-ws-binding-token", BACKPORT_BINDING), R,
        (&[(BOTH, &[Type, Name]), (BOTH, &[Type, Id, Name])], subscriptions), Write(subscription::binding_token)),
    operation("Resend", ("resend", OUR_RESEND), U,
        (&[(POST, &[Type, Id, Name])], subscriptions), Write(subscription::resend)),
    operation("RotateSecret", ("rotate-secret", OUR_ROTATE_SECRET), U,
        (&[(POST, &[Type, Id, Name])], subscriptions), Write(subscription::rotate_secret)),
    operation("Secret", ("secret", OUR_SECRET), R,
        (&[(BOTH, &[Type, Id, Name])], subscriptions), Read(subscription::secret)),
    operation("Attempts", ("attempts", OUR_ATTEMPTS), R,
        (&[(BOTH, &[Type, Id, Name])], subscriptions), Read(subscription::attempts)),
];

const RESOURCE_VALIDATE: &str = "http://hl7.org/fhir/OperationDefinition/Resource-validate";
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

/// Every method and path of the table, for each type: with `{id}` for an id and `{version}` for a version.
/// For tests that must cover all.
pub fn every_route() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for route in ROUTES {
        for &(methods, path) in route.at {
            let kinds: Vec<Option<ResourceType>> = if path.contains(&Type) {
                ResourceType::ALL.into_iter().filter(|kind| (route.applies)(*kind)).map(Some).collect()
            } else {
                vec![None]
            };
            let members = COMPARTMENT.iter().map(|kind| kind.name()).chain(["*"]);
            let members: Vec<&str> = if path.contains(&Member) { members.collect() } else { vec![""] };
            for (kind, member) in
                kinds.iter().flat_map(|kind| members.iter().map(move |member| (kind, member)))
            {
                let part = |part: &PathSegment| match part {
                    Literal(literal) => (*literal).to_owned(),
                    Name => format!("${}", route.operation.map_or("", |operation| operation.name)),
                    Type => kind.map_or("", ResourceType::name).to_owned(),
                    Id => "{id}".to_owned(),
                    Version => "{version}".to_owned(),
                    Member => (*member).to_owned(),
                };
                let parts: Vec<String> =
                    std::iter::once(String::new()).chain(path.iter().map(part)).collect();
                all.extend(methods.iter().map(|method| (method.as_str(), parts.join("/"))));
            }
        }
    }
    all
}

/// Finds the route of a request. Types, ids and paths are case-sensitive (G-02). HEAD has the route of GET
/// (G-13).
pub(crate) fn resolve(method: &Method, path: &str) -> Result<(&'static Route, RequestTarget), Refusal> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let sought = if *method == Method::HEAD { &Method::GET } else { method };
    let mut fitting: Vec<(&Route, &[Method], RequestTarget)> = Vec::new();
    for route in ROUTES {
        for &(methods, pattern) in route.at {
            let Some(target) = fit(route, pattern, &parts) else { continue };
            if methods.contains(sought) {
                return Ok((route, target));
            }
            fitting.push((route, methods, target));
        }
    }
    Err(if fitting.is_empty() { Refusal::not_found() } else { refuse_method(method, &fitting) })
}

fn refuse_method(method: &Method, fitting: &[(&Route, &[Method], RequestTarget)]) -> Refusal {
    let is_instance = fitting.iter().any(|(route, _, _)| route.codes.contains(&"read"));
    let is_role = fitting.iter().any(|(_, _, target)| target.kind == Some(ResourceType::Consent));
    let message = if *method == Method::DELETE && is_role {
        "A role cannot be deleted: end it by a change of status; its history is kept."
    } else if *method == Method::DELETE && is_instance {
        "Resources of this type cannot be deleted: the record is kept."
    } else {
        "This interaction is not supported for this resource type."
    };
    let has = |method: &Method| {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        fitting.iter().any(|(_, methods, _)| methods.contains(method))
    };
    let allowed: Vec<&str> = METHODS.iter().filter(|method| has(method)).map(Method::as_str).collect();
    Refusal::not_allowed(allowed.join(", "), message)
}

fn fit(route: &Route, pattern: &[PathSegment], parts: &[&str]) -> Option<RequestTarget> {
    if pattern.len() != parts.len() {
        return None;
    }
    let mut target = RequestTarget::default();
    for (part, text) in pattern.iter().zip(parts) {
        match part {
            Literal(literal) => (literal == text).then_some(())?,
            Name => (text.strip_prefix('$') == Some(route.operation?.name)).then_some(())?,
            Type => target.kind = Some(ResourceType::parse(text).filter(|kind| (route.applies)(*kind))?),
            Id => target.id = Some(text.to_string()).filter(|id| is_id(id)),
            Version => target.version = Some(text.to_string()),
            Member if *text == "*" => target.members = COMPARTMENT.to_vec(),
            Member => {
                let member = ResourceType::parse(text).filter(|kind| COMPARTMENT.contains(kind))?;
                target.members = vec![member];
            }
        }
    }
    // A text that is not a valid id matches nothing (G-03).
    (!pattern.contains(&Id) || target.id.is_some()).then_some(target)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{Id, Name, ROUTES, Route, Type};
    use crate::resource::resource_type::ResourceType;
    use crate::url;
    use fhir::profiles;
    use serde_json::{Value, json};

    #[test]
    fn every_route_has_a_name_of_its_own_in_the_metrics() {
        let names: BTreeSet<&str> = ROUTES.iter().map(|route| route.name).collect();
        assert_eq!(names.len(), ROUTES.len());
    }

    /// The paths of an operation, and whether it writes, as in an OperationDefinition.
    fn declared(route: &Route) -> Value {
        let has = |wanted: &[super::PathSegment]| route.at.iter().any(|(_, path)| *path == wanted);
        let kinds = ResourceType::ALL.into_iter().filter(|kind| (route.applies)(*kind));
        json!({
            "code": route.operation.expect("an operation").name,
            "affectsState": route.handler.is_write(),
            "resource": kinds.map(ResourceType::name).collect::<Vec<_>>(),
            "system": has(&[Name]),
            "type": has(&[Type, Name]),
            "instance": has(&[Type, Id, Name]),
        })
    }

    #[test]
    fn operations_of_this_server_and_their_operation_definitions_agree() {
        let is_ours = |route: &&Route| {
            route.operation.is_some_and(|operation| operation.definition.starts_with(url::OURS))
        };
        let served: BTreeMap<&str, Value> = ROUTES
            .iter()
            .filter(is_ours)
            .map(|route| (route.operation.expect("an operation").definition, declared(route)))
            .collect();
        let all = profiles::all().iter().filter(|it| it.resource_type == "OperationDefinition");
        let defined: BTreeMap<&str, Value> = all
            .map(|it| {
                let members = ["code", "affectsState", "resource", "system", "type", "instance"];
                let members = members.map(|name| (name.to_owned(), it.resource[name].clone()));
                (it.url.as_str(), Value::Object(members.into_iter().collect()))
            })
            .collect();
        assert_eq!(served, defined);
        assert!(!served.is_empty());
    }
}
