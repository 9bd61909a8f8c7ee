//! A record of an act as an AuditEvent, after IHE's Basic Audit Log Patterns. Written by the service only.

use serde_json::{Value, json};

use crate::date_time::render_instant;
use crate::error::Error;
use crate::fhir::resource::{Backing, Kind, ResourceType, Stored, head, nhs_identifier};
use crate::fhir::search::param::{Index, Param, Reference};
use crate::fhir::url;
use crate::store::search::{Column, Table};
use crate::store::{AuditRecord, Tx};

const SUBTYPE: &str = "http://hl7.org/fhir/restful-interaction";
const PATIENT: Reference =
    Reference { column: Column::text("patient"), system: url::NHS_NUMBER, targets: &[ResourceType::Patient] };

const RECORDED: Column = Column::number("recorded_at");

pub(super) static KIND: Kind = Kind {
    name: "AuditEvent",
    backing: Backing::Rows { table: Table::AuditRecords, versions: None, updated_at: RECORDED },
    params: PARAMS,
    profile: None,
    load: |tx, _, ids| load(tx, ids),
    writing: None,
};

/// R4's parameters.
const PARAMS: &[Param] = &[
    Param::token("action", Index::ActionOfAct),
    Param::string("address", Index::Absent),
    Param::reference("agent", Index::Absent, &[]),
    Param::string("agent-name", Index::Absent),
    Param::token("agent-role", Index::Absent),
    Param::token("altid", Index::Token(None, Column::text("caller_id").or_null())),
    Param::date("date", Index::Date(Column::number("recorded_at"), Column::number("recorded_at"))),
    Param::reference("entity", Index::LocalReference(Column::text("subject")), &["entity", "what"]),
    Param::string("entity-name", Index::Absent),
    Param::token("entity-role", Index::Constant(&[(ENTITY_ROLE, "4")])),
    Param::token("entity-type", Index::Constant(&[(ENTITY_TYPE, "2")])),
    Param::token("outcome", Index::Constant(&[("http://hl7.org/fhir/audit-event-outcome", "0")])),
    Param::reference("patient", Index::Reference(PATIENT), &["entity", "what"]),
    Param::uri("policy", Index::Absent),
    Param::token("site", Index::Absent),
    Param::reference("source", Index::Absent, &[]),
    Param::token("subtype", Index::SubtypeOfAct),
    Param::token(
        "type",
        Index::Constant(&[("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest")]),
    ),
];

const ENTITY_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";

fn load(tx: &mut Tx<'_>, ids: &[String]) -> Result<Vec<Stored>, Error> {
    Ok(tx.list_audit_records(ids)?.iter().map(stored).collect())
}

fn stored(record: &AuditRecord) -> Stored {
    let mut body = head(ResourceType::AuditEvent, &record.id, 1, record.recorded_at);
    let mut add = |name: &str, element: Value| drop(body.insert(name.to_owned(), element));
    let (action, subtype) = if record.is_creation() { ("C", "create") } else { ("U", "update") };
    add(
        "type",
        json!({
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "code": "rest",
            "display": "Restful Operation",
        }),
    );
    add("subtype", json!([{ "system": SUBTYPE, "code": subtype, "display": subtype }]));
    add("action", action.into());
    add("recorded", render_instant(record.recorded_at).into());
    add("outcome", "0".into());
    add("agent", json!([agent(record)]));
    add("source", json!({ "observer": { "display": "OnBehalf" } }));
    add("entity", entities(record));
    let body = Value::Object(body);
    let id = record.id.clone();
    Stored { kind: ResourceType::AuditEvent, id, version: 1, updated_at: record.recorded_at, body }
}

fn agent(record: &AuditRecord) -> Value {
    let mut agent = json!({
        "type": { "coding": [{
            "system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110153", "display": "Source Role ID",
        }]},
        "requestor": true,
        "name": record.caller_kind,
    });
    if let (Some(id), Some(agent)) = (&record.caller_id, agent.as_object_mut()) {
        if record.caller_kind == "citizen" {
            let identifier = json!({ "system": url::NHS_NUMBER, "value": id });
            agent.insert("who".to_owned(), json!({ "type": "Patient", "identifier": identifier }));
        } else {
            agent.insert("altId".to_owned(), id.as_str().into());
        }
    }
    agent
}

fn entities(record: &AuditRecord) -> Value {
    let changed = format!("{}/_history/{}", record.subject, record.subject_version);
    let mut entities = vec![
        json!({
            "what": { "reference": changed },
            "type": { "system": ENTITY_TYPE, "code": "2", "display": "System Object" },
            "role": { "system": ENTITY_ROLE, "code": "4", "display": "Domain Resource" },
        }),
        json!({
            "what": {
                "reference": format!("Patient/{}", record.patient),
                "type": "Patient",
                "identifier": nhs_identifier(record.patient),
            },
            "type": { "system": ENTITY_TYPE, "code": "1", "display": "Person" },
            "role": { "system": ENTITY_ROLE, "code": "1", "display": "Patient" },
        }),
    ];
    if let Some(request_id) = &record.request_id {
        entities.push(json!({
            "what": { "identifier": { "type": { "text": "X-Request-ID" }, "value": request_id } },
            "type": { "system": ENTITY_TYPE, "code": "4", "display": "Other" },
        }));
    }
    Value::Array(entities)
}
