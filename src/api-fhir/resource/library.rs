//! The compiled-in definitions: the resources of `fhir-profiles/`.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::resource::kind::{Backing, Description, Kind};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored::Stored;
use crate::search::param::{Index, Param};
use fhir::profiles;
use fhir::profiles::ConformanceResource;

/// The description of a definition type.
const fn described(params: &'static [Param]) -> Description {
    Description { backing: Backing::Library, params }
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
        Kind { load: |_, _, ids| Ok(load($name, ids)), select: None, writing: None }
    };
}

pub(super) static QUESTIONNAIRE_KIND: Kind = definitions!("Questionnaire");
pub(super) static STRUCTURE_DEFINITION_KIND: Kind = definitions!("StructureDefinition");
pub(super) static CODE_SYSTEM_KIND: Kind = definitions!("CodeSystem");
pub(super) static VALUE_SET_KIND: Kind = definitions!("ValueSet");
pub(super) static SEARCH_PARAMETER_KIND: Kind = definitions!("SearchParameter");
pub(super) static OPERATION_DEFINITION_KIND: Kind = definitions!("OperationDefinition");
pub(super) static BASIC_KIND: Kind = definitions!("Basic");

const URL: Param = Param::uri("url", Index::Element(&["url"]));
const NAME: Param = Param::string("name", Index::Element(&["name"]));
const TITLE: Param = Param::string("title", Index::Element(&["title"]));
const STATUS: Param = Param::token("status", Index::Element(&["status"]));
const VERSION: Param = Param::token("version", Index::Element(&["version"]));
const DATE: Param = Param::date("date", Index::Element(&["date"]));
const DESCRIPTION: Param = Param::string("description", Index::Element(&["description"]));
const PUBLISHER: Param = Param::string("publisher", Index::Element(&["publisher"]));
const IDENTIFIER: Param = Param::token("identifier", Index::Element(&["identifier"]));
const JURISDICTION: Param = Param::token("jurisdiction", Index::Element(&["jurisdiction"]));
const CONTEXT_TYPE: Param = Param::token("context-type", Index::Element(&["useContext", "code"]));
const CONTEXT: Param = Param::token("context", Index::Element(&["useContext", "valueCodeableConcept"]));
const CONTEXT_QUANTITY: Param =
    Param::quantity("context-quantity", Index::Element(&["useContext", "valueQuantity|valueRange"]));
const CONTEXT_TYPE_VALUE: Param = Param::composite(
    "context-type-value",
    Index::Composite(
        &["useContext"],
        &[
            Param::token("context-type", Index::Element(&["code"])),
            Param::token("context", Index::Element(&["valueCodeableConcept"])),
        ],
    ),
);
const CONTEXT_TYPE_QUANTITY: Param = Param::composite(
    "context-type-quantity",
    Index::Composite(
        &["useContext"],
        &[
            Param::token("context-type", Index::Element(&["code"])),
            Param::quantity("context-quantity", Index::Element(&["valueQuantity|valueRange"])),
        ],
    ),
);

const QUESTIONNAIRE_PARAMS: &[Param] = &[
    Param::token("code", Index::Element(&["item", "code"])),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    Param::uri("definition", Index::Element(&["item", "definition"])),
    DESCRIPTION,
    Param::date("effective", Index::Element(&["effectivePeriod"])),
    IDENTIFIER,
    JURISDICTION,
    NAME,
    PUBLISHER,
    STATUS,
    Param::token("subject-type", Index::Element(&["subjectType"])),
    TITLE,
    URL,
    VERSION,
];
const STRUCTURE_DEFINITION_PARAMS: &[Param] = &[
    Param::token("abstract", Index::Element(&["abstract"])),
    Param::reference("base", Index::Element(&["baseDefinition"]), &[]),
    Param::token("base-path", Index::Element(&["snapshot|differential", "element", "base", "path"])),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    Param::token("derivation", Index::Element(&["derivation"])),
    DESCRIPTION,
    Param::token("experimental", Index::Element(&["experimental"])),
    Param::token("ext-context", Index::Element(&["context", "type"])),
    IDENTIFIER,
    JURISDICTION,
    Param::token("keyword", Index::Element(&["keyword"])),
    Param::token("kind", Index::Element(&["kind"])),
    NAME,
    Param::token("path", Index::Element(&["snapshot|differential", "element", "path"])),
    PUBLISHER,
    STATUS,
    TITLE,
    Param::uri("type", Index::Element(&["type"])),
    URL,
    Param::reference("valueset", Index::Element(&["snapshot", "element", "binding", "valueSet"]), &[]),
    VERSION,
];
const CODE_SYSTEM_PARAMS: &[Param] = &[
    Param::token("code", Index::Codes),
    Param::token("content-mode", Index::Element(&["content"])),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    DESCRIPTION,
    IDENTIFIER,
    JURISDICTION,
    Param::token("language", Index::Element(&["concept", "designation", "language"])),
    NAME,
    PUBLISHER,
    STATUS,
    Param::reference("supplements", Index::Element(&["supplements"]), &[]),
    Param::uri("system", Index::Element(&["url"])),
    TITLE,
    URL,
    VERSION,
];
const VALUE_SET_PARAMS: &[Param] = &[
    Param::token("code", Index::Codes),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    DESCRIPTION,
    Param::uri("expansion", Index::Element(&["expansion", "identifier"])),
    IDENTIFIER,
    JURISDICTION,
    NAME,
    PUBLISHER,
    Param::uri("reference", Index::Element(&["compose", "include", "system"])),
    STATUS,
    TITLE,
    URL,
    VERSION,
];
const SEARCH_PARAMETER_PARAMS: &[Param] = &[
    Param::token("base", Index::Element(&["base"])),
    Param::token("code", Index::Element(&["code"])),
    Param::reference("component", Index::Element(&["component", "definition"]), &[]),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    Param::reference("derived-from", Index::Element(&["derivedFrom"]), &[]),
    DESCRIPTION,
    JURISDICTION,
    NAME,
    PUBLISHER,
    STATUS,
    Param::token("target", Index::Element(&["target"])),
    Param::token("type", Index::Element(&["type"])),
    URL,
    VERSION,
];

const OPERATION_DEFINITION_PARAMS: &[Param] = &[
    Param::reference("base", Index::Element(&["base"]), &[]),
    Param::token("code", Index::Element(&["code"])),
    CONTEXT,
    CONTEXT_QUANTITY,
    CONTEXT_TYPE,
    CONTEXT_TYPE_QUANTITY,
    CONTEXT_TYPE_VALUE,
    DATE,
    DESCRIPTION,
    Param::reference("input-profile", Index::Element(&["inputProfile"]), &[]),
    Param::token("instance", Index::Element(&["instance"])),
    JURISDICTION,
    Param::token("kind", Index::Element(&["kind"])),
    NAME,
    Param::reference("output-profile", Index::Element(&["outputProfile"]), &[]),
    PUBLISHER,
    STATUS,
    Param::token("system", Index::Element(&["system"])),
    TITLE,
    Param::token("type", Index::Element(&["type"])),
    URL,
    VERSION,
];

const BASIC_PARAMS: &[Param] = &[
    Param::reference("author", Index::Element(&["author"]), &[]),
    Param::token("code", Index::Element(&["code"])),
    Param::date("created", Index::Element(&["created"])),
    IDENTIFIER,
    Param::reference("patient", Index::Element(&["subject"]), &[]),
    Param::reference("subject", Index::Element(&["subject"]), &[]),
];

/// Every definition, by type and id. They change only with the program.
static ALL: LazyLock<Vec<Stored>> = LazyLock::new(|| {
    let mut all: Vec<Stored> = profiles::all().iter().filter_map(stored).collect();
    all.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    all
});

/// Every definition of a type, in the order of their ids.
pub(crate) fn list(kind: ResourceType) -> impl Iterator<Item = &'static Stored> {
    ALL.iter().filter(move |stored| stored.kind == kind)
}

fn load(name: &str, ids: &[String]) -> Vec<Stored> {
    ALL.iter().filter(|stored| stored.kind.name() == name && ids.contains(&stored.id)).cloned().collect()
}

fn stored(it: &ConformanceResource) -> Option<Stored> {
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
    Some(Stored { kind, id, version: 1, updated_at, people: None, body, document: None })
}

/// When the definitions of this version were published.
pub(crate) const PUBLISHED: &str = "2026-11-22T00:00:00Z";
