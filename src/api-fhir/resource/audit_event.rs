//! An audit record as an AuditEvent, after IHE's Basic Audit Log Patterns
//! (<https://profiles.ihe.net/ITI/BALP/>). Only the service writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::context::Context;
use crate::resource::definition::{Description, ResourceDefinition, Storage};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::{StoredResource, head};
use crate::search::param::{Param, Reference, SearchTarget};
use crate::url;
use base::date_time::render_instant;
use base::error::Error;
use domain::audit::{Act, ChangeKind};
use domain::person::NhsNumber;
use store::search::{AuditField, Field, Table};
use store::{AuditRecord, Tx};

const REST: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const SUBTYPE: &str = "http://hl7.org/fhir/restful-interaction";
const ENTITY_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OUTCOME: &str = "http://hl7.org/fhir/audit-event-outcome";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const SOURCE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";

const PATIENT_FIELD: Field = Field::Audit(AuditField::Patient);
const PROXY: Field = Field::Audit(AuditField::Proxy);
const QUERY: Field = Field::Audit(AuditField::Query);
const REQUEST: Field = Field::Audit(AuditField::Request);
const RESOURCE: Field = Field::Audit(AuditField::SubjectResource);
const PATIENT: Reference =
    Reference { field: PATIENT_FIELD, system: url::NHS_NUMBER, targets: &[ResourceType::Patient] };

const RECORDED: Field = Field::Audit(AuditField::RecordedAt);

pub(super) static DESCRIPTION: Description = Description {
    storage: Storage::Rows { table: Table::AuditRecords, versions: None, updated_at: RECORDED },
    params: PARAMS,
};

pub(super) static DEFINITION: ResourceDefinition = ResourceDefinition { load, select: None, writing: None };

/// R4's parameters.
const PARAMS: &[Param] = &[
    Param::token("action", SearchTarget::OfAct(|act| (None, act.action()))),
    Param::string("address", SearchTarget::Absent),
    Param::reference("agent", SearchTarget::Agent, &[]),
    Param::string("agent-name", SearchTarget::Absent),
    Param::token("agent-role", SearchTarget::Absent),
    Param::token("altid", SearchTarget::Token(None, Field::Audit(AuditField::Caller))),
    Param::date("date", SearchTarget::Date(RECORDED, RECORDED)),
    Param::reference(
        "entity",
        SearchTarget::LocalReference(Field::Audit(AuditField::Subject)),
        &["entity", "what"],
    ),
    Param::string("entity-name", SearchTarget::Absent),
    Param::token(
        "entity-role",
        SearchTarget::Present(&[
            (ENTITY_ROLE, "1", PATIENT_FIELD),
            (ENTITY_ROLE, "4", RESOURCE),
            (ENTITY_ROLE, "6", PROXY),
            (ENTITY_ROLE, "24", QUERY),
        ]),
    ),
    Param::token(
        "entity-type",
        SearchTarget::Present(&[
            (ENTITY_TYPE, "1", PATIENT_FIELD),
            (ENTITY_TYPE, "1", PROXY),
            (ENTITY_TYPE, "2", RESOURCE),
            (ENTITY_TYPE, "2", QUERY),
            (ENTITY_TYPE, "4", REQUEST),
        ]),
    ),
    Param::token("outcome", SearchTarget::Token(Some(OUTCOME), Field::Audit(AuditField::Outcome))),
    Param::reference("patient", SearchTarget::Reference(PATIENT), &["entity", "what"]),
    Param::uri("policy", SearchTarget::Uri(Field::Audit(AuditField::GrantUrn))),
    Param::token("site", SearchTarget::Absent),
    Param::reference("source", SearchTarget::Absent, &[]),
    Param::token("subtype", SearchTarget::OfAct(subtype)),
    Param::token("type", SearchTarget::OfAct(event_type)),
];

/// `AuditEvent.type`.
const fn event_type(act: Act) -> (Option<&'static str>, &'static str) {
    if act.change().is_some() || matches!(act, Act::Access(_)) {
        return (Some(REST), "rest");
    }
    let code = if matches!(act, Act::LoggedIn | Act::TokenIssued | Act::TokenRefused | Act::TokenExchanged) {
        "110114"
    } else if matches!(act, Act::IdentityLinked | Act::GrantRevoked | Act::ClientRegistered) {
        "110137"
    } else if matches!(act, Act::UserInfoRead | Act::TokenIntrospected) {
        "110112"
    } else if matches!(act, Act::NotificationSent) {
        "110106"
    } else {
        // The subtype is not one of REST's.
        "110100"
    };
    (Some(DICOM), code)
}

/// `AuditEvent.subtype`: the interaction, or the act where it is not an interaction.
const fn subtype(act: Act) -> (Option<&'static str>, &'static str) {
    if let Act::Access(interaction) = act {
        return (Some(SUBTYPE), interaction.as_str());
    }
    match act.change() {
        Some(ChangeKind::Create) => (Some(SUBTYPE), "create"),
        Some(ChangeKind::Update) => (Some(SUBTYPE), "update"),
        Some(ChangeKind::Delete) => (Some(SUBTYPE), "delete"),
        None if matches!(act, Act::LoggedIn) => (Some(DICOM), "110122"),
        None => (Some(url::ACCOUNT_ACT), act.as_str()),
    }
}

fn load(tx: &mut Tx<'_>, context: &Context, ids: &[String]) -> Result<Vec<StoredResource>, Error> {
    Ok(tx.list_audit_records(ids)?.iter().map(|record| stored(record, context)).collect())
}

fn stored(record: &AuditRecord, context: &Context) -> StoredResource {
    let at = record.recorded();
    let mut body = head(ResourceType::AuditEvent, &record.id, 1, at);
    let mut add = |name: &str, element: Value| drop(body.insert(name.to_owned(), element));
    if let Some(act) = record.act() {
        add("type", coding(event_type(act)));
        add("subtype", json!([coding(subtype(act))]));
        add("action", act.action().into());
    } else {
        add("type", coding((Some(REST), "rest")));
    }
    add("recorded", render_instant(at).into());
    add("outcome", record.outcome.as_str().into());
    if let Some(refusal) = &record.refusal {
        add("outcomeDesc", refusal.as_str().into());
    }
    let shows_actor = shows_actor(record, context);
    add("agent", if shows_actor { agents(record) } else { masked_agents() });
    let server = coding((Some(SOURCE_TYPE), "4"));
    add("source", json!({ "observer": { "display": "OnBehalf" }, "type": [server] }));
    let entities = entities(record, may_see_query(record, context), shows_actor);
    if !entities.is_empty() {
        add("entity", Value::Array(entities));
    }
    let body = Value::Object(body);
    let (kind, id) = (ResourceType::AuditEvent, record.id.clone());
    StoredResource { kind, id, version: 1, updated_at: at, people: None, body: body.into(), document: None }
}

fn coding((system, code): (Option<&str>, &str)) -> Value {
    let display = match code {
        "rest" => Some("Restful Operation"),
        "110114" => Some("User Authentication"),
        "110137" => Some("User Security Attributes Changed"),
        "110122" => Some("Login"),
        "110153" => Some("Source Role ID"),
        "110152" => Some("Destination Role ID"),
        "IRCP" => Some("information recipient"),
        "4" => Some("Application Server"),
        _ => None,
    };
    let mut coding = json!({ "system": system, "code": code });
    if let (Some(display), Some(coding)) = (display, coding.as_object_mut()) {
        coding.insert("display".to_owned(), display.into());
    }
    coding
}

/// Whether the caller may see the query of a record. A search by a clinic can name many people: each of them
/// sees that it found them, and nothing of the others.
fn may_see_query(record: &AuditRecord, context: &Context) -> bool {
    context.caller.principal.user().is_none_or(|citizen| is_of(record, citizen))
}

/// Whether a citizen caused a record.
fn is_of(record: &AuditRecord, citizen: NhsNumber) -> bool {
    is_citizen(record) && record.caller_id.as_deref() == Some(citizen.as_str())
}

/// Whether the caller may see who caused a record: always for their own. Where actors are masked, a patient
/// sees which organisation, system or app read their data, but of a change no actor at all, so that none can
/// be guessed; and a proxy sees no other actor, whose organisation could be the patient's current practice.
/// `fhir::search` filters by the same rule.
pub(super) fn shows_actor(record: &AuditRecord, context: &Context) -> bool {
    let Some(citizen) = context.masked_for() else { return true };
    let is_change = record.subject_version.is_some();
    let is_patient = record.patient.as_deref() == Some(citizen.as_str());
    is_of(record, citizen) || (is_patient && !is_change && !is_citizen(record))
}

/// The display of a masked actor.
pub(super) const NOT_DISCLOSED: &str = "Not disclosed";

fn masked_agents() -> Value {
    json!([{ "who": { "display": NOT_DISCLOSED }, "requestor": true }, ourselves()])
}

fn ourselves() -> Value {
    let kind = json!({ "coding": [coding((Some(DICOM), "110152"))] });
    json!({ "type": kind, "who": { "display": "OnBehalf" }, "requestor": false })
}

fn is_citizen(record: &AuditRecord) -> bool {
    matches!(record.caller_kind.as_str(), "citizen" | "proxy")
}

/// The agents: the caller; their app and organisation; and this service.
fn agents(record: &AuditRecord) -> Value {
    let kind = |system: &'static str, code: &'static str| json!({ "coding": [coding((Some(system), code))] });
    let is_person = is_citizen(record) || record.caller_kind == "staff";
    let role = if is_person { kind(url::PARTICIPATION_TYPE, "IRCP") } else { kind(DICOM, "110153") };
    let mut requestor = json!({ "type": role, "requestor": true, "name": record.caller_kind });
    if let (Some(id), Some(agent)) = (&record.caller_id, requestor.as_object_mut()) {
        let principal = if is_citizen(record) {
            json!({ "type": "Patient", "identifier": { "system": url::NHS_NUMBER, "value": id } })
        } else {
            agent.insert("altId".to_owned(), id.as_str().into());
            let person = if is_person { "Practitioner" } else { "Device" };
            json!({ "type": person, "identifier": { "system": url::CALLER, "value": id } })
        };
        agent.insert("who".to_owned(), principal);
    }
    if let (Some(grant), Some(agent)) = (&record.grant_id, requestor.as_object_mut()) {
        agent.insert("policy".to_owned(), json!([format!("urn:uuid:{grant}")]));
    }
    // For a citizen the kind of caller states the purpose; the purpose of staff and systems is not known.
    let purpose = match record.caller_kind.as_str() {
        "citizen" => Some("PATRQT"),
        "proxy" => Some("FAMRQT"),
        _ => None,
    };
    if let (Some(purpose), Some(agent)) = (purpose, requestor.as_object_mut()) {
        agent.insert("purposeOfUse".to_owned(), json!([kind(REASON, purpose)]));
    }
    let mut agents = vec![requestor];
    if let Some(organisation) = &record.organisation {
        let principal = json!({
            "type": "Organization",
            "identifier": { "system": url::ODS_CODE, "value": organisation },
        });
        agents.push(json!({ "who": principal, "requestor": false }));
    }
    if let Some(app) = &record.app {
        let principal = json!({ "type": "Device", "identifier": { "system": url::APP, "value": app } });
        agents.push(json!({ "type": kind(DICOM, "110153"), "who": principal, "requestor": false }));
    }
    agents.push(ourselves());
    Value::Array(agents)
}

/// The entities: the resource or the query, the two people, the request.
fn entities(record: &AuditRecord, with_query: bool, with_request: bool) -> Vec<Value> {
    let entity = |kind: &str, role: &str| json!({ "type": { "system": ENTITY_TYPE, "code": kind }, "role": { "system": ENTITY_ROLE, "code": role } });
    let with = |mut entity: Value, name: &str, element: Value| {
        if let Some(members) = entity.as_object_mut() {
            members.insert(name.to_owned(), element);
        }
        entity
    };
    let mut entities = Vec::new();
    if let Some(subject) = record.subject.as_deref().filter(|subject| subject.contains('/')) {
        let version = record.subject_version.map(|version| format!("/_history/{version}"));
        let reference = format!("{subject}{}", version.unwrap_or_default());
        entities.push(with(entity("2", "4"), "what", json!({ "reference": reference })));
    }
    if let Some(query) = record.query.as_deref().filter(|_| with_query) {
        let asked = format!("{}?{query}", record.subject.as_deref().unwrap_or_default());
        entities.push(with(entity("2", "24"), "query", STANDARD.encode(asked).into()));
    }
    if let Some(patient) = &record.patient {
        let what = json!({
            "reference": format!("Patient/{patient}"),
            "type": "Patient",
            "identifier": { "system": url::NHS_NUMBER, "value": patient },
        });
        entities.push(with(entity("1", "1"), "what", what));
    }
    if let Some(proxy) = &record.proxy {
        // Only by identifier: the subject of the record is the patient.
        let identifier = json!({ "system": url::NHS_NUMBER, "value": proxy });
        let what = json!({ "type": "Patient", "identifier": identifier });
        entities.push(with(with(entity("1", "6"), "what", what), "description", "proxy".into()));
    }
    if let Some(request_id) = record.request_id.as_ref().filter(|_| with_request) {
        let what = json!({ "identifier": { "type": { "text": "X-Request-ID" }, "value": request_id } });
        entities.push(json!({ "what": what, "type": { "system": ENTITY_TYPE, "code": "4" } }));
    }
    entities
}
