//! The resource types of this front, one per file: domain to FHIR and back, and each type's search
//! parameters.

mod audit_event;
mod consent;
mod library;
mod party;
mod patient;
mod person;
mod provenance;
mod questionnaire_response;
mod related_person;
mod residue;
pub(crate) mod subscription;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::context::Context;
use crate::refusal::Refusal;
use crate::search::param::Param;
use base::date_time::render_instant;
use base::error::Error;
use base::held;
pub(crate) use consent::{Keep, incoming};
use domain::audit::{People, Shown};
use domain::person::Person;
use domain::proxy::{Relationship, Role, Versioned};
pub(crate) use library::list as library_of;
pub(crate) use patient::person_of;
use service::access;
use service::access::Action;
use store::Tx;
use store::search::{Field, Filter, PageQuery, Table};

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
    OperationDefinition,
    AuditEvent,
    Provenance,
    Subscription,
    Basic,
}

/// Loads resources by their ids.
type Load = fn(&mut Tx<'_>, &Context, &[String]) -> Result<Vec<Stored>, Error>;

/// Loads the resources that a filter lets through and the caller may see.
type Select = fn(&mut Tx<'_>, &Context, &Filter) -> Result<Vec<Stored>, Error>;

/// Loads versions by id and number.
type LoadVersions = fn(&mut Tx<'_>, &Context, &[(String, i64)]) -> Result<Vec<Stored>, Error>;

/// What there is to know of a type: each file of this folder says it of its own.
struct Kind {
    name: &'static str,
    backing: Backing,
    params: &'static [Param],
    /// The profile that its resources follow.
    profile: Option<&'static str>,
    load: Load,
    /// How what a filter lets through is loaded without looking for its ids first; `None` where that is not done.
    select: Option<Select>,
    /// How clients write it; `None` for what the service alone writes.
    writing: Option<Writing>,
}

/// How resources of a type come to be, and change.
struct Writing {
    load_versions: LoadVersions,
    /// What a caller does who creates one; `None` where every kind of caller may.
    creates: Option<Action>,
    /// What a caller does who changes one.
    changes: Action,
    read: Read,
    create: fn(&mut Tx<'_>, &Context, &Draft, Uuid) -> Result<Stored, Refusal>,
    update: fn(&mut Tx<'_>, &Context, &Stored, &Draft) -> Result<Stored, Refusal>,
    /// `None` where nothing is deleted.
    delete: Option<Delete>,
}

/// Reads a body that was validated, and refuses what the database need not be asked about.
type Read = fn(&Context, &Value, Purpose) -> Result<Draft, Refusal>;

/// What a body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It becomes a resource.
    Create,
    /// It becomes the next version of one.
    Update,
    /// One or the other, as a condition finds.
    Either,
}

/// What a body says, read before the transaction in which it is written: nothing of it is looked at again while
/// the database is held.
#[derive(Clone, Debug)]
pub(crate) enum Draft {
    /// Of a Consent.
    Role(Box<consent::Given>),
    /// Of a RelatedPerson.
    Relationship(Relationship),
    /// Of a QuestionnaireResponse.
    AccessRequest(Box<questionnaire_response::Given>),
    /// Of a Subscription.
    Subscription(Box<domain::event::Draft>),
}

/// A draft of another type than the resource's: our own fault.
fn mismatch() -> Refusal {
    Error::fault("a draft of another type").into()
}

/// Deletes a resource.
type Delete = fn(&mut Tx<'_>, &Context, &Stored) -> Result<(), Refusal>;

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
    /// The people of its row, where loading it tells them: for the audit record, which looks them up else.
    pub(crate) people: Option<People>,
    /// The resource, with its `meta`; null where this version is its deletion.
    pub(crate) body: Value,
    /// The document that `body` is still to be completed with, where that is not parsed yet
    /// ([`Context::holds_writer`]).
    pub(crate) document: Option<String>,
}

impl Stored {
    /// What an answer discloses that holds it.
    pub(crate) fn disclosed(&self) -> Shown {
        let resource = || Shown::Resource(format!("{}/{}", self.kind.name(), self.id));
        self.people.map_or_else(resource, Shown::Of)
    }

    /// With its document parsed.
    pub(crate) fn complete(mut self) -> Result<Self, Error> {
        if let Some(document) = self.document.take() {
            complete(&mut self.body, &document)?;
        }
        Ok(self)
    }
}

/// What an answer discloses that holds these.
pub(crate) fn disclosed<'s>(all: impl IntoIterator<Item = &'s Stored>) -> Vec<Shown> {
    all.into_iter().map(Stored::disclosed).collect()
}

/// Adds the members of a document to a resource that has its own already.
pub(crate) fn complete(body: &mut Value, document: &str) -> Result<(), Error> {
    held::check(|| document.len());
    let document: Map<String, Value> = serde_json::from_str(document).map_err(Error::fault)?;
    if let Some(members) = body.as_object_mut() {
        for (key, element) in document {
            members.entry(key).or_insert(element);
        }
    }
    Ok(())
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
        updated_at: Field,
    },
    /// Definitions that are compiled in.
    Library,
}

impl ResourceType {
    /// Every type.
    pub(crate) const ALL: [Self; 15] = [
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
        Self::OperationDefinition,
        Self::AuditEvent,
        Self::Provenance,
        Self::Subscription,
        Self::Basic,
    ];

    /// What there is to know of the type.
    const fn kind(self) -> &'static Kind {
        match self {
            Self::Consent => &consent::KIND,
            Self::RelatedPerson => &related_person::KIND,
            Self::QuestionnaireResponse => &questionnaire_response::KIND,
            Self::Patient => &patient::KIND,
            Self::Person => &person::KIND,
            Self::Questionnaire => &library::QUESTIONNAIRE,
            Self::StructureDefinition => &library::STRUCTURE_DEFINITION,
            Self::CodeSystem => &library::CODE_SYSTEM,
            Self::ValueSet => &library::VALUE_SET,
            Self::SearchParameter => &library::SEARCH_PARAMETER,
            Self::OperationDefinition => &library::OPERATION_DEFINITION,
            Self::AuditEvent => &audit_event::KIND,
            Self::Provenance => &provenance::KIND,
            Self::Subscription => &subscription::KIND,
            Self::Basic => &library::BASIC,
        }
    }

    /// FHIR's name.
    pub(crate) const fn name(self) -> &'static str {
        self.kind().name
    }

    /// Reads a name; it is case-sensitive (G-02).
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether clients may create and change resources of this type.
    pub(crate) const fn is_writable(self) -> bool {
        self.kind().writing.is_some()
    }

    /// Whether clients may delete resources of this type.
    pub(crate) const fn is_deletable(self) -> bool {
        matches!(self.kind().writing, Some(Writing { delete: Some(_), .. }))
    }

    /// Where its resources come from.
    pub(crate) const fn backing(self) -> Backing {
        self.kind().backing
    }

    /// The table of its rows, and that of their versions, where it has both.
    pub(crate) const fn tables(self) -> Option<(Table, Table)> {
        match self.kind().backing {
            Backing::Rows { table, versions: Some(versions), .. } => Some((table, versions)),
            Backing::Rows { versions: None, .. } | Backing::Library => None,
        }
    }

    /// Whether one statement finds a resource of this type and reads all of it.
    pub(crate) const fn is_read_at_once(self) -> bool {
        matches!(self, Self::Consent)
    }

    /// Whether its resources are kept as the documents that clients sent.
    pub(crate) const fn is_a_document(self) -> bool {
        matches!(self, Self::QuestionnaireResponse | Self::Subscription)
    }

    /// How clients write it.
    fn writing(self) -> Result<&'static Writing, Refusal> {
        let told = "Resources of this type are written by the service alone.";
        self.kind().writing.as_ref().ok_or_else(|| Refusal::not_allowed("GET", told))
    }

    /// The search parameters of the type, but for those that every type has.
    pub(crate) const fn params(self) -> &'static [Param] {
        self.kind().params
    }

    /// The profile that its resources follow.
    pub(crate) const fn profile(self) -> Option<&'static str> {
        self.kind().profile
    }
}

/// Finds a resource that the caller may see.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
) -> Result<Option<Stored>, Error> {
    find_if(tx, context, kind, id, Ok)
}

/// As [`find`], if the row of this id is among those that remain when its filter is limited.
pub(crate) fn find_if<E: From<Error>>(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    limit: impl FnOnce(Filter) -> Result<Filter, E>,
) -> Result<Option<Stored>, E> {
    match kind.backing() {
        Backing::Rows { table, .. } => {
            let filter = limit(Filter::text(table.id(), id))?;
            Ok(select(tx, context, kind, filter)?.pop())
        }
        Backing::Library => Ok(load(tx, context, kind, &[id.to_owned()])?.pop()),
    }
}

/// Loads the resources that a filter lets through and the caller may see, in the order of their ids: for a filter that
/// names them, and so lets few through.
pub(crate) fn select(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    filter: Filter,
) -> Result<Vec<Stored>, Error> {
    let Backing::Rows { table, .. } = kind.backing() else { return Ok(Vec::new()) };
    if let Some(select) = kind.kind().select {
        let mut selected = select(tx, context, &filter)?;
        selected.sort_by(|one, other| one.id.cmp(&other.id));
        return Ok(selected);
    }
    let ids = find_ids(tx, context, table, filter)?;
    load(tx, context, kind, &ids)
}

/// The ids of the rows that a filter lets through and the caller may see.
fn find_ids(tx: &mut Tx<'_>, context: &Context, table: Table, filter: Filter) -> Result<Vec<String>, Error> {
    let query = PageQuery { table, filter, order: Vec::new(), after: None, limit: i64::MAX };
    Ok(tx.search(&query, context.scope())?.into_iter().map(|row| row.id).collect())
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
    let mut loaded = (kind.kind().load)(tx, context, ids)?;
    let places: HashMap<&str, usize> = ids.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    loaded.sort_by_key(|stored| places.get(stored.id.as_str()).copied());
    Ok(loaded)
}

/// Loads these versions, in their order.
pub(crate) fn load_versions(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    wanted: &[(String, i64)],
) -> Result<Vec<Stored>, Error> {
    let mut loaded = if let Some(writing) = &kind.kind().writing {
        let mut versions = (writing.load_versions)(tx, context, wanted)?;
        // Whose the resource is tells its present row alone: a number may have been superseded since.
        for stored in &mut versions {
            stored.people = None;
        }
        versions
    } else {
        // Of what clients do not write, the present version is the only one.
        let ids: Vec<String> = wanted.iter().map(|(id, _)| id.clone()).collect();
        let mut present = load(tx, context, kind, &ids)?;
        let versions: HashSet<i64> = wanted.iter().map(|(_, version)| *version).collect();
        present.retain(|stored| versions.contains(&stored.version));
        present
    };
    let places = wanted.iter().enumerate().map(|(at, (id, version))| ((id.as_str(), *version), at));
    let places: HashMap<(&str, i64), usize> = places.collect();
    loaded.sort_by_key(|stored| places.get(&(stored.id.as_str(), stored.version)).copied());
    Ok(loaded)
}

/// Whether a resource shows what its version says. A role whose end has passed counts as inactive before
/// a version says so: whoever has the version has not heard of it.
pub(crate) fn is_as_written(tx: &mut Tx<'_>, context: &Context, stored: &Stored) -> Result<bool, Error> {
    Ok(stored.kind != ResourceType::Consent || !consent::has_lapsed(tx, context, &stored.id)?)
}

/// A role as a read answers it at this time.
pub(crate) fn role_as_of(role: Versioned<Role>, now: DateTime<Utc>) -> Value {
    consent::stored_as_of(role, now).body
}

/// A person as a read answers them.
pub(crate) fn person(person: &Person) -> Value {
    patient::stored(person).body
}

/// Refuses a kind of caller that never does this.
pub(crate) fn decide_kind(context: &Context, kind: ResourceType, purpose: Purpose) -> Result<(), Refusal> {
    let writing = kind.writing()?;
    let may = |action: Option<Action>| {
        action.map_or(Ok(()), |action| access::decide_kind(&context.caller.who, action))
    };
    Ok(match purpose {
        Purpose::Create => may(writing.creates),
        Purpose::Update => may(Some(writing.changes)),
        Purpose::Either => may(writing.creates).or_else(|_| may(Some(writing.changes))),
    }?)
}

/// Reads a body that was validated.
pub(crate) fn read(
    context: &Context,
    kind: ResourceType,
    body: &Value,
    purpose: Purpose,
) -> Result<Draft, Refusal> {
    held::check_value(body);
    (kind.writing()?.read)(context, body, purpose)
}

/// Creates a resource under an id that no other has.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    draft: &Draft,
    id: Uuid,
) -> Result<Stored, Refusal> {
    decide_kind(context, kind, Purpose::Create)?;
    (kind.writing()?.create)(tx, context, draft, id)
}

/// Makes a resource what a draft says. What is so already makes no new version.
pub(crate) fn update(
    tx: &mut Tx<'_>,
    context: &Context,
    current: &Stored,
    draft: &Draft,
) -> Result<Stored, Refusal> {
    decide_kind(context, current.kind, Purpose::Update)?;
    (current.kind.writing()?.update)(tx, context, current, draft)
}

/// Deletes a resource.
pub(crate) fn delete(tx: &mut Tx<'_>, context: &Context, current: &Stored) -> Result<(), Refusal> {
    let told = "Nothing of this type is deleted here.";
    let delete = current.kind.writing()?.delete.ok_or_else(|| Refusal::not_allowed("GET", told))?;
    delete(tx, context, current)
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
fn person_reference(number: domain::person::NhsNumber) -> Value {
    json!({
        "reference": format!("Patient/{number}"),
        "type": "Patient",
        "identifier": nhs_identifier(number),
    })
}

fn nhs_identifier(number: domain::person::NhsNumber) -> Value {
    json!({ "system": super::url::NHS_NUMBER, "value": number.as_str() })
}
