//! The definitions that are compiled in: the resources of
//! `fhir-profiles/`. Person, a user of the account platform, has none yet.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::fhir::profiles;
use crate::fhir::resource::{ResourceType, Stored};
use crate::fhir::search::param::{Index, Param};

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

pub(super) const PERSON: &[Param] = &[
    Param::string("address", Index::Absent),
    Param::string("address-city", Index::Absent),
    Param::string("address-country", Index::Absent),
    Param::string("address-postalcode", Index::Absent),
    Param::string("address-state", Index::Absent),
    Param::token("address-use", Index::Absent),
    Param::date("birthdate", Index::Absent),
    Param::token("email", Index::Absent),
    Param::token("gender", Index::Absent),
    Param::token("identifier", Index::Absent),
    Param::reference("link", Index::Absent, &[]),
    Param::string("name", Index::Absent),
    Param::reference("organization", Index::Absent, &[]),
    Param::reference("patient", Index::Absent, &[]),
    Param::token("phone", Index::Absent),
    Param::string("phonetic", Index::Absent),
    Param::reference("practitioner", Index::Absent, &[]),
    Param::reference("relatedperson", Index::Absent, &[]),
    Param::token("telecom", Index::Absent),
];
pub(super) const QUESTIONNAIRE: &[Param] = &[
    Param::token("code", Index::Element(&["item", "code"])),
    CONTEXT,
    CONTEXT_TYPE,
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
pub(super) const STRUCTURE_DEFINITION: &[Param] = &[
    Param::token("abstract", Index::Element(&["abstract"])),
    Param::uri("base", Index::Element(&["baseDefinition"])),
    CONTEXT,
    CONTEXT_TYPE,
    DATE,
    Param::token("derivation", Index::Element(&["derivation"])),
    DESCRIPTION,
    IDENTIFIER,
    JURISDICTION,
    Param::token("kind", Index::Element(&["kind"])),
    NAME,
    PUBLISHER,
    STATUS,
    TITLE,
    Param::uri("type", Index::Element(&["type"])),
    URL,
    VERSION,
];
pub(super) const CODE_SYSTEM: &[Param] = &[
    Param::token("code", Index::Element(&["concept", "code"])),
    Param::token("content-mode", Index::Element(&["content"])),
    CONTEXT,
    CONTEXT_TYPE,
    DATE,
    DESCRIPTION,
    IDENTIFIER,
    JURISDICTION,
    NAME,
    PUBLISHER,
    STATUS,
    Param::uri("system", Index::Element(&["url"])),
    TITLE,
    URL,
    VERSION,
];
pub(super) const VALUE_SET: &[Param] = &[
    Param::token("code", Index::Element(&["compose", "include", "concept", "code"])),
    CONTEXT,
    CONTEXT_TYPE,
    DATE,
    DESCRIPTION,
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
pub(super) const SEARCH_PARAMETER: &[Param] = &[
    Param::token("base", Index::Element(&["base"])),
    Param::token("code", Index::Element(&["code"])),
    CONTEXT,
    CONTEXT_TYPE,
    DATE,
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

/// Every definition of a type, in the order of their ids.
pub(crate) fn list(kind: ResourceType) -> Vec<Stored> {
    let of_kind = profiles::all().iter().filter(|it| it.resource_type == kind.name());
    let mut all: Vec<Stored> = of_kind.map(|it| stored(kind, &it.resource)).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

pub(super) fn load(kind: ResourceType, ids: &[String]) -> Vec<Stored> {
    list(kind).into_iter().filter(|stored| ids.contains(&stored.id)).collect()
}

fn stored(kind: ResourceType, body: &Value) -> Stored {
    let mut body = body.clone();
    let id = body.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(members) = body.as_object_mut() {
        let meta = members.entry("meta").or_insert_with(|| json!({}));
        if let Some(meta) = meta.as_object_mut() {
            meta.insert("versionId".to_owned(), "1".into());
            meta.insert("lastUpdated".to_owned(), PUBLISHED.into());
        }
    }
    let updated_at: DateTime<Utc> = PUBLISHED.parse().unwrap_or_default();
    Stored { kind, id, version: 1, updated_at, body }
}

/// When the definitions of this version were published.
pub(crate) const PUBLISHED: &str = "2026-11-22T00:00:00Z";
