//! `_summary` and `_elements`: less of each resource, marked as SUBSETTED
//! (<https://hl7.org/fhir/R4/search.html#summary>).

use serde_json::{Map, Value, json};

/// How much of a resource is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// All of it.
    Whole,
    /// `_summary=true`: the elements that are marked as summary, and the mandatory ones.
    Summary,
    /// `_summary=text`: narrative, id, meta and the mandatory elements.
    Text,
    /// `_summary=data`: everything but the narrative.
    Data,
    /// `_elements`: these, and the mandatory ones.
    Elements(Vec<String>),
}

/// The top-level elements of each type that R4 marks as summary; those with `!` are mandatory or
/// modifiers, and always stay.
const SUMMARY: [(&str, &[&str]); 12] = [
    (
        "Consent",
        &[
            "identifier",
            "!status",
            "!scope",
            "!category",
            "patient",
            "dateTime",
            "performer",
            "organization",
            "source",
            // The invariant ppc-1 demands it, so that a part without it would be no Consent.
            "!policyRule",
            "verification",
            "provision",
            "!extension",
        ],
    ),
    (
        "RelatedPerson",
        &[
            "identifier",
            "!active",
            "!patient",
            "relationship",
            "name",
            "telecom",
            "gender",
            "birthDate",
            "address",
        ],
    ),
    (
        "QuestionnaireResponse",
        &[
            "identifier",
            "basedOn",
            "partOf",
            "questionnaire",
            "!status",
            "subject",
            "encounter",
            "authored",
            "author",
            "source",
        ],
    ),
    (
        "Patient",
        &[
            "identifier",
            "!active",
            "name",
            "telecom",
            "gender",
            "birthDate",
            "!deceasedBoolean",
            "address",
            "managingOrganization",
            "!link",
        ],
    ),
    (
        "Person",
        &[
            "identifier",
            "name",
            "telecom",
            "gender",
            "birthDate",
            "address",
            "managingOrganization",
            "!active",
            "link",
        ],
    ),
    (
        "Questionnaire",
        &[
            "url",
            "identifier",
            "version",
            "name",
            "title",
            "!status",
            "!experimental",
            "subjectType",
            "date",
            "publisher",
            "contact",
            "useContext",
            "jurisdiction",
            "effectivePeriod",
            "code",
        ],
    ),
    (
        "StructureDefinition",
        &[
            "!url",
            "identifier",
            "version",
            "!name",
            "title",
            "!status",
            "!experimental",
            "date",
            "publisher",
            "contact",
            "description",
            "useContext",
            "jurisdiction",
            "keyword",
            "fhirVersion",
            "!kind",
            "!abstract",
            "context",
            "contextInvariant",
            "!type",
            "baseDefinition",
            "derivation",
        ],
    ),
    (
        "CodeSystem",
        &[
            "url",
            "identifier",
            "version",
            "name",
            "title",
            "!status",
            "!experimental",
            "date",
            "publisher",
            "contact",
            "useContext",
            "jurisdiction",
            "caseSensitive",
            "valueSet",
            "hierarchyMeaning",
            "compositional",
            "versionNeeded",
            "!content",
            "supplements",
            "count",
            "filter",
            "property",
        ],
    ),
    (
        "ValueSet",
        &[
            "url",
            "identifier",
            "version",
            "name",
            "title",
            "!status",
            "!experimental",
            "date",
            "publisher",
            "contact",
            "useContext",
            "jurisdiction",
            "immutable",
        ],
    ),
    (
        "SearchParameter",
        &[
            "!url",
            "version",
            "!name",
            "derivedFrom",
            "!status",
            "!experimental",
            "date",
            "publisher",
            "contact",
            "!description",
            "useContext",
            "jurisdiction",
            "!code",
            "!base",
            "!type",
            "target",
            "component",
        ],
    ),
    (
        "AuditEvent",
        &[
            "!type",
            "subtype",
            "action",
            "period",
            "!recorded",
            "outcome",
            "outcomeDesc",
            "purposeOfEvent",
            "!agent",
            "!source",
            "entity",
        ],
    ),
    ("Provenance", &["!target", "occurredDateTime", "occurredPeriod", "!recorded", "!agent", "entity"]),
];

impl Shape {
    /// `_summary`, but for `count`.
    pub(crate) fn of_summary(value: &str) -> Option<Self> {
        match value {
            "true" => Some(Self::Summary),
            "text" => Some(Self::Text),
            "data" => Some(Self::Data),
            "false" => Some(Self::Whole),
            _ => None,
        }
    }

    /// `_elements`: names separated by commas, each with or without its type before it.
    pub(crate) fn of_elements(value: &str) -> Self {
        let name = |name: &str| name.rsplit('.').next().unwrap_or(name).trim().to_owned();
        Self::Elements(value.split(',').map(name).collect())
    }

    /// The resource in this shape.
    pub(crate) fn apply(&self, resource: Value) -> Value {
        let kind = resource.get("resourceType").and_then(Value::as_str).unwrap_or_default().to_owned();
        let row = SUMMARY.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, row)| row);
        let is_listed = |key: &str| row.iter().any(|name| name.trim_start_matches('!') == key);
        let is_mandatory = |key: &str| row.iter().any(|name| name.strip_prefix('!') == Some(key));
        let stays = |key: &str| match self {
            Self::Whole => true,
            Self::Data => key != "text",
            Self::Summary => is_listed(key),
            Self::Text => key == "text" || is_mandatory(key),
            Self::Elements(names) => names.iter().any(|name| name == key) || is_mandatory(key),
        };
        if *self == Self::Whole {
            return resource;
        }
        let Value::Object(members) = resource else { return resource };
        let always = ["resourceType", "id", "meta"];
        let kept = members.into_iter().filter(|(key, _)| always.contains(&key.as_str()) || stays(key));
        let mut kept: Map<String, Value> = kept.collect();
        let tag = json!({
            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
            "code": "SUBSETTED",
            "display": "subsetted",
        });
        if let Some(meta) = kept.entry("meta").or_insert_with(|| json!({})).as_object_mut() {
            meta.insert("tag".to_owned(), json!([tag]));
        }
        Value::Object(kept)
    }
}
