//! The compiled-in definitions: the resources of `fhir-profiles/`.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::resource::definition::{Description, ResourceDefinition, Storage};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use crate::search::param::{Param, SearchTarget};
use fhir::profiles;
use fhir::profiles::ConformanceResource;

/// The description of a definition type.
const fn described(params: &'static [Param]) -> Description {
    Description { storage: Storage::Library, params }
}

pub(super) static QUESTIONNAIRE: Description = described(QUESTIONNAIRE_PARAMS);
pub(super) static STRUCTURE_DEFINITION: Description = described(STRUCTURE_DEFINITION_PARAMS);
pub(super) static CODE_SYSTEM: Description = described(CODE_SYSTEM_PARAMS);
pub(super) static VALUE_SET: Description = described(VALUE_SET_PARAMS);
pub(super) static SEARCH_PARAMETER: Description = described(SEARCH_PARAMETER_PARAMS);
pub(super) static OPERATION_DEFINITION: Description = described(OPERATION_DEFINITION_PARAMS);
pub(super) static BASIC: Description = described(BASIC_PARAMS);

/// Declares the functions of a definition type.
macro_rules! definitions {
    ($name:literal) => {
        ResourceDefinition { load: |_, _, ids| Ok(load($name, ids)), select: None, writing: None }
    };
}

pub(super) static QUESTIONNAIRE_RESOURCE: ResourceDefinition = definitions!("Questionnaire");
pub(super) static STRUCTURE_DEFINITION_RESOURCE: ResourceDefinition = definitions!("StructureDefinition");
pub(super) static CODE_SYSTEM_RESOURCE: ResourceDefinition = definitions!("CodeSystem");
pub(super) static VALUE_SET_RESOURCE: ResourceDefinition = definitions!("ValueSet");
pub(super) static SEARCH_PARAMETER_RESOURCE: ResourceDefinition = definitions!("SearchParameter");
pub(super) static OPERATION_DEFINITION_RESOURCE: ResourceDefinition = definitions!("OperationDefinition");
pub(super) static BASIC_RESOURCE: ResourceDefinition = definitions!("Basic");

const URL: Param = Param::uri("url", SearchTarget::Element(&["url"]));
const NAME: Param = Param::string("name", SearchTarget::Element(&["name"]));
const TITLE: Param = Param::string("title", SearchTarget::Element(&["title"]));
const STATUS: Param = Param::token("status", SearchTarget::Element(&["status"]));
const VERSION: Param = Param::token("version", SearchTarget::Element(&["version"]));
const DATE: Param = Param::date("date", SearchTarget::Element(&["date"]));
const DESCRIPTION: Param = Param::string("description", SearchTarget::Element(&["description"]));
const PUBLISHER: Param = Param::string("publisher", SearchTarget::Element(&["publisher"]));
const IDENTIFIER: Param = Param::token("identifier", SearchTarget::Element(&["identifier"]));
const JURISDICTION: Param = Param::token("jurisdiction", SearchTarget::Element(&["jurisdiction"]));
const CONTEXT_TYPE: Param = Param::token("context-type", SearchTarget::Element(&["useContext", "code"]));
const CONTEXT: Param =
    Param::token("context", SearchTarget::Element(&["useContext", "valueCodeableConcept"]));
const CONTEXT_QUANTITY: Param =
    Param::quantity("context-quantity", SearchTarget::Element(&["useContext", "valueQuantity|valueRange"]));
const CONTEXT_TYPE_VALUE: Param = Param::composite(
    "context-type-value",
    SearchTarget::Composite(
        &["useContext"],
        &[
            Param::token("context-type", SearchTarget::Element(&["code"])),
            Param::token("context", SearchTarget::Element(&["valueCodeableConcept"])),
        ],
    ),
);
const CONTEXT_TYPE_QUANTITY: Param = Param::composite(
    "context-type-quantity",
    SearchTarget::Composite(
        &["useContext"],
        &[
            Param::token("context-type", SearchTarget::Element(&["code"])),
            Param::quantity("context-quantity", SearchTarget::Element(&["valueQuantity|valueRange"])),
        ],
    ),
);

const QUESTIONNAIRE_PARAMS: &[Param] = &[
    Param::token("code", SearchTarget::Element(&["item", "code"])),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    Param::uri("definition", SearchTarget::Element(&["item", "definition"])),
    DESCRIPTION,
    Param::date("effective", SearchTarget::Element(&["effectivePeriod"])),
    IDENTIFIER,
    JURISDICTION,
    NAME,
    PUBLISHER,
    STATUS,
    Param::token("subject-type", SearchTarget::Element(&["subjectType"])),
    TITLE,
    URL,
    VERSION,
];
const STRUCTURE_DEFINITION_PARAMS: &[Param] = &[
    Param::token("abstract", SearchTarget::Element(&["abstract"])),
    Param::reference("base", SearchTarget::Element(&["baseDefinition"]), &[]),
    Param::token("base-path", SearchTarget::Element(&["snapshot|differential", "element", "base", "path"])),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    Param::token("derivation", SearchTarget::Element(&["derivation"])),
    DESCRIPTION,
    Param::token("experimental", SearchTarget::Element(&["experimental"])),
    Param::token("ext-context", SearchTarget::Element(&["context", "type"])),
    IDENTIFIER,
    JURISDICTION,
    Param::token("keyword", SearchTarget::Element(&["keyword"])),
    Param::token("kind", SearchTarget::Element(&["kind"])),
    NAME,
    Param::token("path", SearchTarget::Element(&["snapshot|differential", "element", "path"])),
    PUBLISHER,
    STATUS,
    TITLE,
    Param::uri("type", SearchTarget::Element(&["type"])),
    URL,
    Param::reference("valueset", SearchTarget::Element(&["snapshot", "element", "binding", "valueSet"]), &[]),
    VERSION,
];
const CODE_SYSTEM_PARAMS: &[Param] = &[
    Param::token("code", SearchTarget::Codes),
    Param::token("content-mode", SearchTarget::Element(&["content"])),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    DESCRIPTION,
    IDENTIFIER,
    JURISDICTION,
    Param::token("language", SearchTarget::Element(&["concept", "designation", "language"])),
    NAME,
    PUBLISHER,
    STATUS,
    Param::reference("supplements", SearchTarget::Element(&["supplements"]), &[]),
    Param::uri("system", SearchTarget::Element(&["url"])),
    TITLE,
    URL,
    VERSION,
];
const VALUE_SET_PARAMS: &[Param] = &[
    Param::token("code", SearchTarget::Codes),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    DESCRIPTION,
    Param::uri("expansion", SearchTarget::Element(&["expansion", "identifier"])),
    IDENTIFIER,
    JURISDICTION,
    NAME,
    PUBLISHER,
    Param::uri("reference", SearchTarget::Element(&["compose", "include", "system"])),
    STATUS,
    TITLE,
    URL,
    VERSION,
];
const SEARCH_PARAMETER_PARAMS: &[Param] = &[
    Param::token("base", SearchTarget::Element(&["base"])),
    Param::token("code", SearchTarget::Element(&["code"])),
    Param::reference("component", SearchTarget::Element(&["component", "definition"]), &[]),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    Param::reference("derived-from", SearchTarget::Element(&["derivedFrom"]), &[]),
    DESCRIPTION,
    JURISDICTION,
    NAME,
    PUBLISHER,
    STATUS,
    Param::token("target", SearchTarget::Element(&["target"])),
    Param::token("type", SearchTarget::Element(&["type"])),
    URL,
    VERSION,
];

const OPERATION_DEFINITION_PARAMS: &[Param] = &[
    Param::reference("base", SearchTarget::Element(&["base"]), &[]),
    Param::token("code", SearchTarget::Element(&["code"])),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    DESCRIPTION,
    Param::reference("input-profile", SearchTarget::Element(&["inputProfile"]), &[]),
    Param::token("instance", SearchTarget::Element(&["instance"])),
    JURISDICTION,
    Param::token("kind", SearchTarget::Element(&["kind"])),
    NAME,
    Param::reference("output-profile", SearchTarget::Element(&["outputProfile"]), &[]),
    PUBLISHER,
    STATUS,
    Param::token("system", SearchTarget::Element(&["system"])),
    TITLE,
    Param::token("type", SearchTarget::Element(&["type"])),
    URL,
    VERSION,
];

const BASIC_PARAMS: &[Param] = &[
    Param::reference("author", SearchTarget::Element(&["author"]), &[]),
    Param::token("code", SearchTarget::Element(&["code"])),
    Param::date("created", SearchTarget::Element(&["created"])),
    IDENTIFIER,
    Param::reference("patient", SearchTarget::Element(&["subject"]), &[]),
    Param::reference("subject", SearchTarget::Element(&["subject"]), &[]),
];

/// Every definition, by type and id. They change only with the program.
static ALL: LazyLock<Vec<StoredResource>> = LazyLock::new(|| {
    let mut all: Vec<StoredResource> = profiles::all().iter().filter_map(stored).collect();
    all.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    all
});

/// Every definition of a type, in the order of their ids.
pub(crate) fn list(kind: ResourceType) -> impl Iterator<Item = &'static StoredResource> {
    ALL.iter().filter(move |stored| stored.kind == kind)
}

fn load(name: &str, ids: &[String]) -> Vec<StoredResource> {
    ALL.iter().filter(|stored| stored.kind.name() == name && ids.contains(&stored.id)).cloned().collect()
}

fn stored(it: &ConformanceResource) -> Option<StoredResource> {
    let kind = ResourceType::parse(&it.resource_type)?;
    let (id, mut body) = (it.id.clone(), it.resource.clone());
    if let Some(members) = body.as_object_mut() {
        let meta = members.entry("meta").or_insert_with(|| json!({}));
        if let Some(meta) = meta.as_object_mut() {
            meta.insert("versionId".to_owned(), "1".into());
            meta.insert("lastUpdated".to_owned(), PUBLISHED.into());
        }
    }
    let updated_at: DateTime<Utc> = PUBLISHED.parse().unwrap_or_default();
    Some(StoredResource { kind, id, version: 1, updated_at, people: None, body: body.into(), document: None })
}

/// When the definitions of this version were published.
pub(crate) const PUBLISHED: &str = "2026-11-22T00:00:00Z";
