//! The audit record of a change as the Provenance of the version that it created. Only the service writes it.
//! Accesses have none.

use serde_json::{Value, json};

use crate::context::Context;
use crate::resource::audit_event;
use crate::resource::definition::{Description, ResourceDefinition, Storage};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::{StoredResource, head};
use crate::search::param::{Param, Reference, SearchTarget};
use crate::url;
use base::date_time::render_instant;
use base::error::Error;
use domain::audit::Act;
use store::search::{AuditField, Field, Table};
use store::{AuditRecord, Tx};

const PATIENT: Reference = Reference {
    field: Field::Audit(AuditField::Patient),
    system: url::NHS_NUMBER,
    targets: &[ResourceType::Patient],
};
const AUTHOR: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";

const RECORDED: Field = Field::Audit(AuditField::RecordedAt);

pub(super) static DESCRIPTION: Description = Description {
    storage: Storage::Rows { table: Table::AuditChanges, versions: None, updated_at: RECORDED },
    params: PARAMS,
};

pub(super) static DEFINITION: ResourceDefinition = ResourceDefinition { load, select: None, writing: None };

/// R4's parameters.
const PARAMS: &[Param] = &[
    Param::reference("agent", SearchTarget::Author, &[]),
    Param::token("agent-role", SearchTarget::Absent),
    Param::token("agent-type", SearchTarget::Constant(&[(AUTHOR, "author")])),
    Param::reference("entity", SearchTarget::Absent, &[]),
    Param::reference("location", SearchTarget::Absent, &[]),
    Param::reference("patient", SearchTarget::Reference(PATIENT), &["target"]),
    Param::date("recorded", SearchTarget::Date(RECORDED, RECORDED)),
    Param::token("signature-type", SearchTarget::Absent),
    Param::reference("target", SearchTarget::LocalReference(Field::Audit(AuditField::Subject)), &["target"]),
    Param::date("when", SearchTarget::Date(RECORDED, RECORDED)),
];

fn load(tx: &mut Tx<'_>, context: &Context, ids: &[String]) -> Result<Vec<StoredResource>, Error> {
    Ok(tx.list_audit_records(ids)?.iter().map(|record| stored(record, context)).collect())
}

fn stored(record: &AuditRecord, context: &Context) -> StoredResource {
    let at = record.recorded();
    let mut body = head(ResourceType::Provenance, &record.id, 1, at);
    let mut add = |name: &str, element: Value| drop(body.insert(name.to_owned(), element));
    let subject = record.subject.as_deref().unwrap_or_default();
    let changed = format!("{subject}/_history/{}", record.subject_version.unwrap_or(1));
    // A subscription of a system belongs to no person.
    let patient = record.patient.as_ref().map(|patient| format!("Patient/{patient}"));
    let targets = std::iter::once(changed).chain(patient).map(|reference| json!({ "reference": reference }));
    add("target", Value::Array(targets.collect()));
    add("occurredDateTime", render_instant(at).into());
    add("recorded", render_instant(at).into());
    let code = match record.act().map_or("U", Act::action) {
        "C" => "CREATE",
        "D" => "DELETE",
        _ => "UPDATE",
    };
    let activity = "http://terminology.hl7.org/CodeSystem/v3-DataOperation";
    add("activity", json!({ "coding": [{ "system": activity, "code": code }] }));
    let identifier = match (&record.caller_id, record.caller_kind.as_str()) {
        (Some(id), "citizen" | "proxy") => json!({ "system": url::NHS_NUMBER, "value": id }),
        (Some(id), _) => json!({ "system": url::CALLER, "value": id }),
        (None, kind) => json!({ "system": url::CALLER, "value": kind }),
    };
    let agent = json!({
        "type": { "coding": [{ "system": AUTHOR, "code": "author", "display": "Author" }] },
        "who": if audit_event::shows_actor(record, context) {
            json!({ "identifier": identifier, "display": record.caller_kind })
        } else {
            json!({ "display": audit_event::NOT_DISCLOSED })
        },
    });
    add("agent", json!([agent]));
    let body = Value::Object(body);
    let id = record.id.clone();
    StoredResource {
        kind: ResourceType::Provenance,
        id,
        version: 1,
        updated_at: at,
        people: None,
        body: body.into(),
        document: None,
    }
}
