//! A relationship as a RelatedPerson.

use serde_json::Value;
use uuid::Uuid;

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::definition::{
    Description, ResourceDefinition, ResourceDraft, Storage, WriteOperations, WritePurpose, mismatch,
};
use crate::resource::form::Content;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use crate::resource::{party, unsupported_elements};
use crate::search::param::{Param, Reference, SearchTarget};
use crate::url;
use base::error::Error;
use domain::audit::People;
use domain::person::NhsNumber;
use domain::proxy::relationship::RelationshipCode;
use domain::proxy::{Relationship, Versioned};
use fhir::outcome::{Issue, IssueType};
use service::access::Action;
use service::proxy::{RelationshipError, change_relationship, create_relationship};
use store::Tx;
use store::search::{Field, RelationshipField, Table};

const PATIENT: Reference = Reference {
    field: Field::Relationship(RelationshipField::Patient),
    system: url::NHS_NUMBER,
    targets: &[ResourceType::Patient],
};

pub(super) static DESCRIPTION: Description = Description {
    storage: Storage::Rows {
        table: Table::Relationships,
        versions: Some(Table::RelationshipVersions),
        updated_at: Field::Relationship(RelationshipField::UpdatedAt),
    },
    params: PARAMS,
};

pub(super) static DEFINITION: ResourceDefinition = ResourceDefinition {
    load: |tx, _, ids| load(tx, ids),
    select: None,
    writing: Some(WriteOperations {
        load_versions,
        creates: Some(Action::WriteRecords),
        changes: Action::WriteRecords,
        read,
        create,
        update,
        delete: None,
    }),
};

/// R4's parameters. The related person's own demographics are those of their Patient.
const PARAMS: &[Param] = &[
    Param::token("active", SearchTarget::Flag(Field::Relationship(RelationshipField::IsActive))),
    Param::string("address", SearchTarget::Absent),
    Param::string("address-city", SearchTarget::Absent),
    Param::string("address-country", SearchTarget::Absent),
    Param::string("address-postalcode", SearchTarget::Absent),
    Param::string("address-state", SearchTarget::Absent),
    Param::token("address-use", SearchTarget::Absent),
    Param::date("birthdate", SearchTarget::Absent),
    Param::token("email", SearchTarget::Absent),
    Param::token("gender", SearchTarget::Absent),
    Param::token(
        "identifier",
        SearchTarget::Token(Some(url::NHS_NUMBER), Field::Relationship(RelationshipField::Proxy)),
    ),
    Param::string("name", SearchTarget::Absent),
    Param::reference("patient", SearchTarget::Reference(PATIENT), &["patient"]),
    Param::token("phone", SearchTarget::Absent),
    Param::string("phonetic", SearchTarget::Absent),
    Param::token("relationship", SearchTarget::RelationshipCode),
    Param::token("telecom", SearchTarget::Absent),
];

fn load(tx: &mut Tx<'_>, ids: &[String]) -> Result<Vec<StoredResource>, Error> {
    Ok(tx.list_relationships_by_id(ids)?.into_iter().map(stored).collect())
}

fn load_versions(
    tx: &mut Tx<'_>,
    _context: &Context,
    wanted: &[(String, i64)],
) -> Result<Vec<StoredResource>, Error> {
    Ok(tx.list_relationship_versions_by_id(wanted)?.into_iter().map(stored).collect())
}

fn read(context: &Context, body: &Value, _purpose: WritePurpose) -> Result<ResourceDraft, Refusal> {
    let body = &party::with_local_references(body, context);
    let value = relationship(body, context)?;
    let shown = Versioned { value: value.clone(), version: 1, updated_at: context.now() };
    unsupported_elements::check(body, &stored(shown).body.tree())?;
    Ok(ResourceDraft::Relationship(value))
}

fn create(
    tx: &mut Tx<'_>,
    context: &Context,
    draft: &ResourceDraft,
    id: Uuid,
) -> Result<StoredResource, Refusal> {
    let ResourceDraft::Relationship(relationship) = draft else { return Err(mismatch()) };
    party::check_reached(tx, context, relationship.patient, "RelatedPerson.patient")?;
    let created = create_relationship(tx, &*context.clock, &context.caller, id, relationship.clone())?;
    Ok(stored(created))
}

fn update(
    tx: &mut Tx<'_>,
    context: &Context,
    current: &StoredResource,
    draft: &ResourceDraft,
) -> Result<StoredResource, Refusal> {
    let ResourceDraft::Relationship(relationship) = draft else { return Err(mismatch()) };
    let wanted = Relationship { id: current.id.clone(), ..relationship.clone() };
    let changed = change_relationship(tx, &*context.clock, &context.caller, wanted)?;
    Ok(stored(changed))
}

impl From<RelationshipError> for Refusal {
    fn from(error: RelationshipError) -> Self {
        match error {
            RelationshipError::UnknownPatient => Self::rule(party::UNKNOWN, "RelatedPerson.patient"),
            RelationshipError::UnknownProxy => Self::rule(party::UNKNOWN, "RelatedPerson.identifier"),
            RelationshipError::OtherPeople => {
                Self::rule("The people of a relationship cannot change.", "RelatedPerson.patient")
            }
            RelationshipError::SamePerson => Self::rule(
                "The patient and the related person must be different people.",
                "RelatedPerson.identifier",
            ),
            RelationshipError::Store(error) => error.into(),
        }
    }
}

/// The relationship in a body; the store assigns its id.
fn relationship(body: &Value, context: &Context) -> Result<Relationship, Refusal> {
    let wrong = |at: &str, message| Refusal::new(422, Issue::error(IssueType::Value, message).at(at));
    let identifiers = body.get("identifier").and_then(Value::as_array).map(Vec::as_slice);
    let proxy = match identifiers {
        Some([one]) if one.get("system").and_then(Value::as_str) == Some(url::NHS_NUMBER) => {
            one.get("value").and_then(Value::as_str)
        }
        _ => None,
    };
    let proxy = proxy.and_then(|value| NhsNumber::parse(value, context.contract.nhs_number_check).ok());
    let proxy = proxy.ok_or_else(|| {
        wrong(
            "RelatedPerson.identifier",
            "Name the related person by their NHS number as the only identifier.",
        )
    })?;
    let patient = body.get("patient").ok_or_else(|| wrong("RelatedPerson.patient", "Name the patient."))?;
    let concepts = body.get("relationship").and_then(Value::as_array).into_iter().flatten();
    let codes: Option<Vec<RelationshipCode>> = concepts.map(code).collect();
    Ok(Relationship {
        id: String::new(),
        proxy,
        patient: party::number_in(patient, context, "RelatedPerson.patient")?,
        codes: codes.ok_or_else(|| {
            wrong(
                "RelatedPerson.relationship",
                "Give one coding, with system and code, for each relationship.",
            )
        })?,
        active: body.get("active").and_then(Value::as_bool).unwrap_or(true),
        verified: true,
    })
}

fn code(concept: &Value) -> Option<RelationshipCode> {
    let text = |path: &str| concept.pointer(path).and_then(Value::as_str);
    Some(RelationshipCode {
        system: url::as_hl7_defines(text("/coding/0/system")?).into_owned(),
        code: text("/coding/0/code")?.to_owned(),
        display: text("/coding/0/display").map(str::to_owned),
    })
}

fn stored(relationship: Versioned<Relationship>) -> StoredResource {
    let Versioned { value, version, updated_at } = &relationship;
    let (id, version, updated_at) = (value.id.clone(), *version, *updated_at);
    let people = Some(People { patient: Some(value.patient), proxy: Some(value.proxy) });
    let body = Content::RelatedPerson(Box::new(relationship));
    StoredResource {
        kind: ResourceType::RelatedPerson,
        id,
        version,
        updated_at,
        people,
        body,
        document: None,
    }
}
