//! `_summary` and `_elements`: a part of each resource, marked as SUBSETTED
//! (<https://hl7.org/fhir/R4/search.html#summary>).

use serde_json::{Map, Value, json};

use crate::resource::form::Content;
use fhir::validate::weight;

/// The requested part of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// All of it.
    Whole,
    /// `_summary=true`: the elements that R4 marks as summary, and the essential ones.
    Summary,
    /// `_summary=text`: narrative, id, meta and the essential elements.
    Text,
    /// `_summary=data`: all except the narrative.
    Data,
    /// `_elements`: these, and the essential ones.
    Elements(Vec<String>),
}

/// Elements that every part also has: the extensions of a role contain its status reason, and the invariants
/// ppc-1 and sdf-6 require a policy rule, and a differential.
const KEPT: [(&str, &str); 3] =
    [("Consent", "extension"), ("Consent", "policyRule"), ("StructureDefinition", "differential")];

impl Shape {
    /// `_summary`, except for `count`.
    pub(crate) fn of_summary(value: &str) -> Option<Self> {
        match value {
            "true" => Some(Self::Summary),
            "text" => Some(Self::Text),
            "data" => Some(Self::Data),
            "false" => Some(Self::Whole),
            _ => None,
        }
    }

    /// `_elements`: names separated by commas, each optionally with its type.
    pub(crate) fn of_elements(value: &str) -> Self {
        let name = |name: &str| name.rsplit('.').next().unwrap_or(name).trim().to_owned();
        Self::Elements(value.split(',').map(name).collect())
    }

    /// The part of a resource.
    pub(crate) fn apply_to(&self, content: Content) -> Content {
        if *self == Self::Whole { content } else { Content::Tree(self.apply(content.into_tree())) }
    }

    fn apply(&self, resource: Value) -> Value {
        let Value::Object(members) = resource else { return resource };
        let kind = members.get("resourceType").and_then(Value::as_str).unwrap_or_default().to_owned();
        let stays = |key: &str| {
            let weight = weight(&kind, key);
            let is_essential = weight.is_essential || KEPT.contains(&(kind.as_str(), key));
            match self {
                Self::Whole => true,
                Self::Data => key != "text",
                Self::Summary => is_essential || weight.is_summary,
                Self::Text => key == "text" || is_essential,
                Self::Elements(names) => is_essential || names.iter().any(|name| name == key),
            }
        };
        let always = ["resourceType", "id", "meta"];
        let kept = members.into_iter().filter(|(key, _)| always.contains(&key.as_str()) || stays(key));
        let mut kept: Map<String, Value> = kept.collect();
        let tag = json!({
            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
            "code": "SUBSETTED",
            "display": "subsetted",
        });
        if let Some(meta) = kept.entry("meta").or_insert_with(|| json!({})).as_object_mut()
            && let Some(tags) = meta.entry("tag").or_insert_with(|| json!([])).as_array_mut()
        {
            tags.push(tag);
            // Elements that a profile requires may be missing: the part does not claim to conform.
            if *self != Self::Data {
                meta.remove("profile");
            }
        }
        Value::Object(kept)
    }
}
