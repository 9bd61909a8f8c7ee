//! The CapabilityStatement: a hand-written part, and a part that is derived from the route table and the
//! search parameters, so that it is always true.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::context::websocket_of;
use crate::interaction::request::{Handler, Operation, Route};
use crate::resource::definition::{Storage, WritePurpose};
use crate::resource::resource_type::{COMPARTMENT, ResourceType};
use crate::resource::subscription;
use crate::resource::subscription::topic;
use crate::routes::ROUTES;
use crate::search::param::{Param, SearchTarget};
use base::error::Error;
use domain::account::endpoints;
use fhir::format;
use fhir::format::Format;

const WRITTEN: &str = include_str!("../../capability-statement/capability-statement.json");

/// The CapabilityStatement that a server with topic-based subscriptions instantiates.
const BACKPORT: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/CapabilityStatement/backport-subscription-server-r4";
/// The extension with the supported topics.
const TOPIC: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical";

/// A rendered statement.
#[derive(Clone)]
pub(crate) struct Rendered {
    /// A digest, so that it changes with the statement (C-06).
    pub(crate) version: i64,
    /// In the requested format.
    pub(crate) bytes: Bytes,
}

/// How many renderings are cached. A server has one statement, in two formats, each plain and pretty.
const KEPT: usize = 64;

static RENDERED: Mutex<BTreeMap<String, Rendered>> = Mutex::new(BTreeMap::new());

/// As [`statement`], in a format. It is rendered once, so that repeated requests are cheap.
pub(crate) fn rendered(
    base: &str,
    issuer: Option<&str>,
    tells_events: bool,
    (format, is_pretty): (Format, bool),
) -> Result<Rendered, Error> {
    let key = format!("{base} {issuer:?} {tells_events} {format:?} {is_pretty}");
    let known = RENDERED.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if let Some(rendered) = known {
        return Ok(rendered);
    }
    let statement = statement(base, issuer, tells_events)?;
    let digest = Sha256::digest(statement.to_string());
    let version = digest.iter().take(6).fold(0, |sum, byte| sum * 256 + i64::from(*byte));
    let rendered = Rendered { version, bytes: format::render(&statement, format, is_pretty).into() };
    let mut all = RENDERED.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() < KEPT {
        all.insert(key, rendered.clone());
    }
    Ok(rendered)
}

/// The statement of the server at `base`, whose authorization server is at `issuer` if it has one.
fn statement(base: &str, issuer: Option<&str>, tells_events: bool) -> Result<Value, Error> {
    let mut statement: Value = serde_json::from_str(WRITTEN).map_err(Error::fault)?;
    if let Some(software) = statement.get_mut("software").and_then(Value::as_object_mut) {
        software.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    }
    if let Some(implementation) = statement.get_mut("implementation").and_then(Value::as_object_mut) {
        implementation.insert("url".to_owned(), base.into());
    }
    if let Some(rest) = statement.pointer_mut("/rest/0").and_then(Value::as_object_mut) {
        let kinds = ResourceType::ALL.into_iter();
        let kinds = kinds.filter(|kind| tells_events || *kind != ResourceType::Subscription);
        rest.insert("resource".to_owned(), kinds.map(resource).collect());
        if tells_events {
            let websocket = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket";
            let extension = json!([{ "url": websocket, "valueUri": websocket_of(base) }]);
            rest.insert("extension".to_owned(), extension);
        }
        rest.insert("interaction".to_owned(), interactions(&codes(Route::is_of_system)));
        rest.insert("searchParam".to_owned(), common_params());
        rest.insert("operation".to_owned(), operations(Route::is_of_system));
    }
    if let (true, Some(members)) = (tells_events, statement.as_object_mut()) {
        members.insert("instantiates".to_owned(), json!([BACKPORT]));
    }
    let security = statement.pointer_mut("/rest/0/security").and_then(Value::as_object_mut);
    if let (Some(security), Some(issuer)) = (security, issuer) {
        security.extend(smart(issuer));
    }
    Ok(statement)
}

/// The OAuth endpoints (C-02; SMART App Launch 1.0, "Declaring support for `OAuth2` endpoints", which older
/// clients still read).
fn smart(issuer: &str) -> Map<String, Value> {
    let endpoints = [
        ("authorize", endpoints::AUTHORIZE),
        ("token", endpoints::TOKEN),
        ("introspect", endpoints::INTROSPECT),
        ("revoke", endpoints::REVOKE),
        ("register", endpoints::REGISTER),
    ];
    let uris = endpoints.map(|(url, path)| json!({ "url": url, "valueUri": format!("{issuer}{path}") }));
    let system = "http://terminology.hl7.org/CodeSystem/restful-security-service";
    let coding = json!({ "system": system, "code": "SMART-on-FHIR", "display": "SMART-on-FHIR" });
    let url = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";
    Map::from_iter([
        ("service".to_owned(), json!([{ "coding": [coding], "text": "OAuth2 using SMART-on-FHIR" }])),
        ("extension".to_owned(), json!([{ "url": url, "extension": uris }])),
    ])
}

fn updates_by_condition(kind: ResourceType) -> bool {
    let mut routes = ROUTES.iter().filter(|route| route.is_of(kind));
    routes.any(|route| matches!(route.handler, Handler::Store(_, WritePurpose::Either)))
}

fn resource(kind: ResourceType) -> Value {
    let codes = codes(|route| route.is_of(kind));
    let is_written = codes.contains(&"create");
    let keeps_versions = matches!(kind.storage(), Storage::Rows { versions: Some(_), .. });
    let mut resource = Map::new();
    let mut add = |name: &str, value: Value| drop(resource.insert(name.to_owned(), value));
    add("type", kind.name().into());
    add("profile", format!("http://hl7.org/fhir/StructureDefinition/{}", kind.name()).into());
    if kind == ResourceType::Subscription {
        let topics = topic::canonicals().map(|topic| json!({ "url": TOPIC, "valueCanonical": topic }));
        add("extension", topics.collect());
    }
    let by_topic = (kind == ResourceType::Subscription).then_some(subscription::PROFILE);
    if let Some(profile) = kind.profile().or(by_topic) {
        add("supportedProfile", json!([profile]));
    }
    let (policies, documentation) = references(kind);
    if let Some(documentation) = documentation {
        add("documentation", documentation.into());
    }
    add("interaction", interactions(&codes));
    // Every resource has its version (`meta.versionId`), even where past versions are not kept.
    add("versioning", "versioned".into());
    add("readHistory", keeps_versions.into());
    add("updateCreate", false.into());
    add("conditionalCreate", is_written.into());
    add("conditionalRead", "full-support".into());
    add("conditionalUpdate", updates_by_condition(kind).into());
    add("conditionalDelete", "not-supported".into());
    if !policies.is_empty() {
        add("referencePolicy", json!(policies));
    }
    let includes = kind.params().iter().filter(|param| !param.path.is_empty());
    let includes: Vec<Value> =
        includes.map(|param| format!("{}:{}", kind.name(), param.name).into()).collect();
    if !includes.is_empty() {
        add("searchInclude", Value::Array(includes));
    }
    let reverse = reverse_includes(kind);
    if !reverse.is_empty() {
        add("searchRevInclude", Value::Array(reverse));
    }
    add("searchParam", search_params(kind));
    add("operation", operations(|route| route.is_of(kind)));
    Value::Object(resource)
}

/// The reference policies of a type (V-09): FHIR's codes, and their documentation.
const fn references(kind: ResourceType) -> (&'static [&'static str], Option<&'static str>) {
    match kind {
        ResourceType::Consent | ResourceType::RelatedPerson => (
            &["literal", "logical", "resolves", "enforced", "local"],
            Some(
                "A person is named by `reference` (`Patient/{NHS number}`, also absolute on this server, and by condition \
                 in a transaction), by `identifier` (the NHS number), or by both if they agree. A person who is unknown, or \
                 whose data may not be disclosed, is refused either way. Both are returned. An organisation is named by \
                 ODS code.",
            ),
        ),
        ResourceType::QuestionnaireResponse => (
            &["literal", "logical"],
            Some(
                "Stored as it was sent. `subject` and `source` are named like the people of a Consent; a `source` that is the \
                 proxy is a RelatedPerson of the subject. A missing type or NHS number is added to them. No other \
                 reference is resolved.",
            ),
        ),
        ResourceType::Patient | ResourceType::Basic => (&["logical"], None),
        ResourceType::AuditEvent | ResourceType::Provenance => (&["literal", "logical"], None),
        ResourceType::Person
        | ResourceType::Questionnaire
        | ResourceType::StructureDefinition
        | ResourceType::CodeSystem
        | ResourceType::ValueSet
        | ResourceType::SearchParameter
        | ResourceType::OperationDefinition
        | ResourceType::Subscription => (&[], None),
    }
}

/// The parameters of a type, `_id` first: fhirclient.js looks for it here, not among those of all types.
fn search_params(kind: ResourceType) -> Value {
    let own = kind.params().iter().map(|param| search_param(kind, param));
    std::iter::once(common_param("_id", "token")).chain(own).collect()
}

fn search_param(kind: ResourceType, param: &Param) -> Value {
    let mut rendered = json!({
        "name": param.name,
        "definition": param.definition(kind),
        "type": param.kind.code(),
    });
    if let (SearchTarget::Absent, Some(rendered)) = (param.target, rendered.as_object_mut()) {
        rendered.insert(
            "documentation".to_owned(),
            "Accepted, but finds nothing: the model has no such element.".into(),
        );
    }
    rendered
}

fn reverse_includes(kind: ResourceType) -> Vec<Value> {
    let refers = |param: &&Param| {
        if let SearchTarget::Reference(reference) = param.target {
            return reference.targets.contains(&kind) && !param.path.is_empty();
        }
        let is_local = matches!(param.target, SearchTarget::LocalReference(_));
        is_local && COMPARTMENT.contains(&kind) && kind.is_writable()
    };
    let of = |source: ResourceType| {
        let params = source.params().iter().filter(refers);
        params.map(move |param| Value::from(format!("{}:{}", source.name(), param.name)))
    };
    ResourceType::ALL.into_iter().flat_map(of).collect()
}

/// The operations of these routes, without duplicates.
fn operations(is_meant: impl Fn(&Route) -> bool) -> Value {
    let routes = ROUTES.iter().filter(|route| is_meant(route));
    let mut all: Vec<Operation> = routes.filter_map(|route| route.operation).collect();
    all.sort_by_key(|operation| operation.name);
    all.dedup();
    let render = |operation: Operation| json!({ "name": operation.name, "definition": operation.definition });
    all.into_iter().map(render).collect()
}

/// The codes of the interactions of these routes, in the order of the table.
fn codes(is_meant: impl Fn(&Route) -> bool) -> Vec<&'static str> {
    ROUTES.iter().filter(|route| is_meant(route)).flat_map(|route| route.codes).copied().collect()
}

fn interactions(codes: &[&str]) -> Value {
    codes.iter().map(|code| json!({ "code": code })).collect()
}

fn common_params() -> Value {
    let params = [
        ("_id", "token"),
        ("_lastUpdated", "date"),
        ("_profile", "uri"),
        ("_security", "token"),
        ("_source", "uri"),
        ("_tag", "token"),
    ];
    params.into_iter().map(|(name, kind)| common_param(name, kind)).collect()
}

fn common_param(name: &str, kind: &str) -> Value {
    let definition = format!("http://hl7.org/fhir/SearchParameter/Resource-{}", name.trim_start_matches('_'));
    json!({ "name": name, "definition": definition, "type": kind })
}
