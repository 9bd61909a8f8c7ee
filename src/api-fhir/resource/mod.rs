//! The resource types of this API, one per file: mapping from the domain to FHIR and back, and search
//! parameters.

mod audit_event;
pub(crate) mod consent;
pub(crate) mod definition;
mod description;
pub(crate) mod form;
mod library;
mod party;
mod patient;
mod person;
mod provenance;
mod questionnaire_response;
mod related_person;
pub(crate) mod resource_type;
pub(crate) mod stored_resource;
pub(crate) mod subscription;
mod unchanged;
mod unsupported_elements;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::context::Context;
use crate::refusal::Refusal;
use base::error::Error;
use base::held;
pub(crate) use consent::{Keep, incoming};
use definition::{ResourceDefinition, ResourceDraft, Storage, WriteOperations, WritePurpose};
use domain::person::Person;
use domain::proxy::{Role, Versioned};
pub(crate) use library::list as library_of;
pub(crate) use patient::person_of;
use resource_type::ResourceType;
use service::access;
use service::access::Action;
use store::Tx;
use store::search::Filter;
pub(crate) use stored_resource::disclosed;
use stored_resource::{StoredResource, find_ids};
pub(crate) use unchanged::keep_if_unchanged;

impl ResourceType {
    /// The functions of the type.
    const fn definition(self) -> &'static ResourceDefinition {
        match self {
            Self::Consent => &consent::DEFINITION,
            Self::RelatedPerson => &related_person::DEFINITION,
            Self::QuestionnaireResponse => &questionnaire_response::DEFINITION,
            Self::Patient => &patient::DEFINITION,
            Self::Person => &person::DEFINITION,
            Self::Questionnaire => &library::QUESTIONNAIRE_RESOURCE,
            Self::StructureDefinition => &library::STRUCTURE_DEFINITION_RESOURCE,
            Self::CodeSystem => &library::CODE_SYSTEM_RESOURCE,
            Self::ValueSet => &library::VALUE_SET_RESOURCE,
            Self::SearchParameter => &library::SEARCH_PARAMETER_RESOURCE,
            Self::OperationDefinition => &library::OPERATION_DEFINITION_RESOURCE,
            Self::AuditEvent => &audit_event::DEFINITION,
            Self::Provenance => &provenance::DEFINITION,
            Self::Subscription => &subscription::DEFINITION,
            Self::Basic => &library::BASIC_RESOURCE,
        }
    }

    /// Whether clients may create and change resources of this type.
    pub(crate) const fn is_writable(self) -> bool {
        self.definition().writing.is_some()
    }

    /// Whether clients may delete resources of this type.
    pub(crate) const fn is_deletable(self) -> bool {
        matches!(self.definition().writing, Some(WriteOperations { delete: Some(_), .. }))
    }

    /// How clients write the type, or a refusal.
    fn writing(self) -> Result<&'static WriteOperations, Refusal> {
        let message = "Only the service writes resources of this type.";
        self.definition().writing.as_ref().ok_or_else(|| Refusal::not_allowed("GET", message))
    }
}

/// Finds a resource that the caller may see, if its row matches the filter.
pub(crate) fn find_if<E: From<Error>>(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    id: &str,
    limit: impl FnOnce(Filter) -> Result<Filter, E>,
) -> Result<Option<StoredResource>, E> {
    match kind.storage() {
        Storage::Rows { table, .. } => {
            let filter = limit(Filter::text(table.id(), id))?;
            Ok(select(tx, context, kind, filter)?.pop())
        }
        Storage::Library => Ok(load(tx, context, kind, &[id.to_owned()])?.pop()),
    }
}

/// Loads the resources that match a filter and that the caller may see, in the order of their ids. The filter
/// must be selective.
pub(crate) fn select(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    filter: Filter,
) -> Result<Vec<StoredResource>, Error> {
    let Storage::Rows { table, .. } = kind.storage() else { return Ok(Vec::new()) };
    if let Some(select) = kind.definition().select {
        let mut selected = select(tx, context, &filter)?;
        selected.sort_by(|one, other| one.id.cmp(&other.id));
        return Ok(selected);
    }
    let ids = find_ids(tx, context, table, filter)?;
    load(tx, context, kind, &ids)
}

/// Loads these resources, in the order of the ids; missing ones are left out. The search that found the ids
/// has checked their visibility.
pub(crate) fn load(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    ids: &[String],
) -> Result<Vec<StoredResource>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut loaded = (kind.definition().load)(tx, context, ids)?;
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
) -> Result<Vec<StoredResource>, Error> {
    let mut loaded = if let Some(writing) = &kind.definition().writing {
        let mut versions = (writing.load_versions)(tx, context, wanted)?;
        // Only the current row tells whose the resource is: a number may have been superseded since.
        for stored in &mut versions {
            stored.people = None;
        }
        versions
    } else {
        // Of resources that clients do not write, only the current version exists.
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

/// Whether a resource is as its version says. A role whose end has passed counts as inactive before a version
/// says so: a client with the cached version does not know it.
pub(crate) fn is_as_written(
    tx: &mut Tx<'_>,
    context: &Context,
    stored: &StoredResource,
) -> Result<bool, Error> {
    Ok(stored.kind != ResourceType::Consent || !consent::has_lapsed(tx, context, &stored.id)?)
}

/// A role as a read returns it at this time.
pub(crate) fn role_as_of(role: Versioned<Role>, now: DateTime<Utc>) -> Value {
    consent::stored_as_of(role, now).body.into_tree()
}

/// A person as a read returns them.
pub(crate) fn person(person: &Person) -> Value {
    patient::stored(person).body.into_tree()
}

/// Refuses a kind of caller that may never do this.
pub(crate) fn decide_kind(
    context: &Context,
    kind: ResourceType,
    purpose: WritePurpose,
) -> Result<(), Refusal> {
    let writing = kind.writing()?;
    let may = |action: Option<Action>| {
        action.map_or(Ok(()), |action| access::decide_kind(&context.caller.principal, action))
    };
    Ok(match purpose {
        WritePurpose::Create => may(writing.creates),
        WritePurpose::Update => may(Some(writing.changes)),
        WritePurpose::Either => may(writing.creates).or_else(|_| may(Some(writing.changes))),
    }?)
}

/// Reads a body that was validated.
pub(crate) fn read(
    context: &Context,
    kind: ResourceType,
    body: &Value,
    purpose: WritePurpose,
) -> Result<ResourceDraft, Refusal> {
    held::check_value(body);
    (kind.writing()?.read)(context, body, purpose)
}

/// Creates a resource with a new id.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    draft: &ResourceDraft,
    id: Uuid,
) -> Result<StoredResource, Refusal> {
    decide_kind(context, kind, WritePurpose::Create)?;
    (kind.writing()?.create)(tx, context, draft, id)
}

/// Changes a resource to a draft. A draft without changes creates no version.
pub(crate) fn update(
    tx: &mut Tx<'_>,
    context: &Context,
    current: &StoredResource,
    draft: &ResourceDraft,
) -> Result<StoredResource, Refusal> {
    decide_kind(context, current.kind, WritePurpose::Update)?;
    (current.kind.writing()?.update)(tx, context, current, draft)
}

/// Deletes a resource.
pub(crate) fn delete(tx: &mut Tx<'_>, context: &Context, current: &StoredResource) -> Result<(), Refusal> {
    let message = "Resources of this type cannot be deleted.";
    let delete = current.kind.writing()?.delete.ok_or_else(|| Refusal::not_allowed("GET", message))?;
    delete(tx, context, current)
}
