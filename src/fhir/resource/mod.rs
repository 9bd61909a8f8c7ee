//! The resource types of this front, one per file: domain to FHIR and back, and each type's search
//! parameters.

mod audit_event;
mod consent;
mod library;
mod party;
mod patient;
mod provenance;
mod questionnaire_response;
mod related_person;
mod residue;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::date_time::render_instant;
use crate::error::Error;
use crate::fhir::context::Context;
use crate::fhir::refusal::Refusal;
use crate::fhir::search::param::Param;
use crate::store::Tx;
use crate::store::search::{Column, Filter, PageQuery, Table};
pub(crate) use library::list as library_of;

/// A resource type that this front serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ResourceType {
    Consent,
    RelatedPerson,
    QuestionnaireResponse,
    Patient,
    Person,
    Questionnaire,
    StructureDefinition,
    CodeSystem,
    ValueSet,
    SearchParameter,
    AuditEvent,
    Provenance,
}

/// A resource as it is stored: what a read answers, and where it stands in its history.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Of which type.
    pub(crate) kind: ResourceType,
    /// Its id.
    pub(crate) id: String,
    /// Its version.
    pub(crate) version: i64,
    /// When that version was written.
    pub(crate) updated_at: DateTime<Utc>,
    /// The resource, with its `meta`.
    pub(crate) body: Value,
}

/// Where the resources of a type come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backing {
    /// Rows.
    Rows {
        /// As they are now.
        table: Table,
        /// All their versions, where there is more than one.
        versions: Option<Table>,
        /// When a row was last changed.
        updated_at: Column,
    },
    /// Definitions that are compiled in.
    Library,
}

impl ResourceType {
    /// Every type.
    pub(crate) const ALL: [Self; 12] = [
        Self::Consent,
        Self::RelatedPerson,
        Self::QuestionnaireResponse,
        Self::Patient,
        Self::Person,
        Self::Questionnaire,
        Self::StructureDefinition,
        Self::CodeSystem,
        Self::ValueSet,
        Self::SearchParameter,
        Self::AuditEvent,
        Self::Provenance,
    ];

    /// FHIR's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Consent => "Consent",
            Self::RelatedPerson => "RelatedPerson",
            Self::QuestionnaireResponse => "QuestionnaireResponse",
            Self::Patient => "Patient",
            Self::Person => "Person",
            Self::Questionnaire => "Questionnaire",
            Self::StructureDefinition => "StructureDefinition",
            Self::CodeSystem => "CodeSystem",
            Self::ValueSet => "ValueSet",
            Self::SearchParameter => "SearchParameter",
            Self::AuditEvent => "AuditEvent",
            Self::Provenance => "Provenance",
        }
    }

    /// Reads a name; it is case-sensitive (G-02).
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether clients may create and change resources of this type.
    pub(crate) const fn is_writable(self) -> bool {
        matches!(self, Self::Consent | Self::RelatedPerson | Self::QuestionnaireResponse)
    }

    /// Where its resources come from.
    pub(crate) const fn backing(self) -> Backing {
        const UPDATED: Column = Column::number("updated_at");
        const RECORDED: Column = Column::number("recorded_at");
        match self {
            Self::Consent => Backing::Rows {
                table: Table::Roles,
                versions: Some(Table::RoleVersions),
                updated_at: UPDATED,
            },
            Self::RelatedPerson => Backing::Rows {
                table: Table::Relationships,
                versions: Some(Table::RelationshipVersions),
                updated_at: UPDATED,
            },
            Self::QuestionnaireResponse => Backing::Rows {
                table: Table::AccessRequests,
                versions: Some(Table::AccessRequestVersions),
                updated_at: UPDATED,
            },
            Self::Patient => Backing::Rows { table: Table::People, versions: None, updated_at: UPDATED },
            Self::AuditEvent => {
                Backing::Rows { table: Table::AuditRecords, versions: None, updated_at: RECORDED }
            }
            Self::Provenance => {
                Backing::Rows { table: Table::AuditChanges, versions: None, updated_at: RECORDED }
            }
            Self::Person
            | Self::Questionnaire
            | Self::StructureDefinition
            | Self::CodeSystem
            | Self::ValueSet
            | Self::SearchParameter => Backing::Library,
        }
    }

    /// The search parameters of the type, but for those that every type has.
    pub(crate) const fn params(self) -> &'static [Param] {
        match self {
            Self::Consent => consent::PARAMS,
            Self::RelatedPerson => related_person::PARAMS,
            Self::QuestionnaireResponse => questionnaire_response::PARAMS,
            Self::Patient => patient::PARAMS,
            Self::Person => library::PERSON,
            Self::Questionnaire => library::QUESTIONNAIRE,
            Self::StructureDefinition => library::STRUCTURE_DEFINITION,
            Self::CodeSystem => library::CODE_SYSTEM,
            Self::ValueSet => library::VALUE_SET,
            Self::SearchParameter => library::SEARCH_PARAMETER,
            Self::AuditEvent => audit_event::PARAMS,
            Self::Provenance => provenance::PARAMS,
        }
    }

    /// The profile that its resources follow.
    pub(crate) const fn profile(self) -> Option<&'static str> {
        match self {
            Self::Consent => Some("https://fhir.onbehalf.org.uk/R4/StructureDefinition/ProxyRole"),
            Self::RelatedPerson => {
                Some("https://fhir.onbehalf.org.uk/R4/StructureDefinition/ProxyRelationship")
            }
            Self::QuestionnaireResponse => {
                Some("https://fhir.onbehalf.org.uk/R4/StructureDefinition/AccessRequest")
            }
            Self::Patient
            | Self::Person
            | Self::Questionnaire
            | Self::StructureDefinition
            | Self::CodeSystem
            | Self::ValueSet
            | Self::SearchParameter
            | Self::AuditEvent
            | Self::Provenance => None,
        }
    }
}

/// Finds a resource that the caller may see.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
) -> Result<Option<Stored>, Error> {
    if let Backing::Rows { table, .. } = kind.backing() {
        let filter = Filter::text(table.id(), id);
        let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: 1 };
        if tx.search(&query, context.scope())?.is_empty() {
            return Ok(None);
        }
    }
    Ok(load(tx, context, kind, &[id.to_owned()])?.pop())
}

/// Loads these resources, in the order of the ids; those that are not there are left out. Whether they
/// may be seen was decided by the search that found the ids.
pub(crate) fn load(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    ids: &[String],
) -> Result<Vec<Stored>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut loaded = match kind {
        ResourceType::Consent => consent::load(tx, context, ids)?,
        ResourceType::RelatedPerson => related_person::load(tx, ids)?,
        ResourceType::QuestionnaireResponse => questionnaire_response::load(tx, ids)?,
        ResourceType::Patient => patient::load(tx, ids)?,
        ResourceType::AuditEvent => audit_event::load(tx, context, ids)?,
        ResourceType::Provenance => provenance::load(tx, ids)?,
        ResourceType::Person
        | ResourceType::Questionnaire
        | ResourceType::StructureDefinition
        | ResourceType::CodeSystem
        | ResourceType::ValueSet
        | ResourceType::SearchParameter => library::load(kind, ids),
    };
    loaded.sort_by_key(|stored| ids.iter().position(|id| *id == stored.id));
    Ok(loaded)
}

/// Loads these versions, in their order.
pub(crate) fn load_versions(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    wanted: &[(String, i64)],
) -> Result<Vec<Stored>, Error> {
    let mut loaded = match kind {
        ResourceType::Consent => consent::load_versions(tx, context, wanted)?,
        ResourceType::RelatedPerson => related_person::load_versions(tx, wanted)?,
        ResourceType::QuestionnaireResponse => questionnaire_response::load_versions(tx, wanted)?,
        ResourceType::Patient
        | ResourceType::Person
        | ResourceType::Questionnaire
        | ResourceType::StructureDefinition
        | ResourceType::CodeSystem
        | ResourceType::ValueSet
        | ResourceType::SearchParameter
        | ResourceType::AuditEvent
        | ResourceType::Provenance => {
            let ids: Vec<String> = wanted.iter().map(|(id, _)| id.clone()).collect();
            let mut present = load(tx, context, kind, &ids)?;
            present.retain(|stored| wanted.iter().any(|(_, version)| *version == stored.version));
            present
        }
    };
    let place = |stored: &Stored| {
        wanted.iter().position(|(id, version)| *id == stored.id && *version == stored.version)
    };
    loaded.sort_by_key(place);
    Ok(loaded)
}

/// Whether a resource shows what its version says. A role whose end has passed counts as inactive before
/// a version says so: whoever has the version has not heard of it.
pub(crate) fn is_as_written(tx: &mut Tx<'_>, context: &Context, stored: &Stored) -> Result<bool, Error> {
    Ok(stored.kind != ResourceType::Consent || !consent::has_lapsed(tx, context, &stored.id)?)
}

/// Creates a resource from a body that was validated.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    body: &Value,
) -> Result<Stored, Refusal> {
    match kind {
        ResourceType::Consent => consent::create(tx, context, body),
        ResourceType::RelatedPerson => related_person::create(tx, context, body),
        ResourceType::QuestionnaireResponse => questionnaire_response::create(tx, context, body),
        ResourceType::Patient
        | ResourceType::Person
        | ResourceType::Questionnaire
        | ResourceType::StructureDefinition
        | ResourceType::CodeSystem
        | ResourceType::ValueSet
        | ResourceType::SearchParameter
        | ResourceType::AuditEvent
        | ResourceType::Provenance => Err(read_only()),
    }
}

/// Makes a resource what a body that was validated says. What is so already makes no new version.
pub(crate) fn update(
    tx: &mut Tx<'_>,
    context: &Context,
    current: &Stored,
    body: &Value,
) -> Result<Stored, Refusal> {
    match current.kind {
        ResourceType::Consent => consent::update(tx, context, current, body),
        ResourceType::RelatedPerson => related_person::update(tx, context, current, body),
        ResourceType::QuestionnaireResponse => questionnaire_response::update(tx, context, current, body),
        ResourceType::Patient
        | ResourceType::Person
        | ResourceType::Questionnaire
        | ResourceType::StructureDefinition
        | ResourceType::CodeSystem
        | ResourceType::ValueSet
        | ResourceType::SearchParameter
        | ResourceType::AuditEvent
        | ResourceType::Provenance => Err(read_only()),
    }
}

fn read_only() -> Refusal {
    Refusal::not_allowed("GET", "Resources of this type are written by the service alone.")
}

/// The first members of every resource.
fn head(kind: ResourceType, id: &str, version: i64, updated_at: DateTime<Utc>) -> Map<String, Value> {
    let mut resource = Map::new();
    resource.insert("resourceType".to_owned(), kind.name().into());
    resource.insert("id".to_owned(), id.into());
    let mut meta = Map::new();
    meta.insert("versionId".to_owned(), version.to_string().into());
    meta.insert("lastUpdated".to_owned(), render_instant(updated_at).into());
    if let Some(profile) = kind.profile() {
        meta.insert("profile".to_owned(), json!([profile]));
    }
    resource.insert("meta".to_owned(), Value::Object(meta));
    resource
}

/// A reference to a person by NHS number: resolvable here, and logical for everybody else.
fn person_reference(number: crate::person::NhsNumber) -> Value {
    json!({
        "reference": format!("Patient/{number}"),
        "type": "Patient",
        "identifier": nhs_identifier(number),
    })
}

fn nhs_identifier(number: crate::person::NhsNumber) -> Value {
    json!({ "system": super::url::NHS_NUMBER, "value": number.as_str() })
}
