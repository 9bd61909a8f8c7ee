//! Items of an evaluation: elements of the resource with their locations, and computed values.

use std::borrow::Cow;

use serde_json::Value;

use crate::structure::{ElementContent, Member, TypeNode, type_node};

/// One step into JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// Into the member of an object, named as in JSON (`valueString`).
    Key(String),
    /// Into the item of an array.
    Index(usize),
}

/// The steps from the resource to an element.
pub type Location = Vec<PathStep>;

/// Formats a location as a FHIRPath, such as `Patient.contact[0].name`.
pub fn render_location(root: &str, location: &[PathStep]) -> String {
    location.iter().fold(root.to_owned(), |path, step| match step {
        PathStep::Key(key) => format!("{path}.{key}"),
        PathStep::Index(index) => format!("{path}[{index}]"),
    })
}

/// An element or a computed value.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The element's location; none for a computed value.
    pub location: Option<Location>,
    /// Its value; a primitive that has only extensions has none.
    pub value: Option<Cow<'a, Value>>,
    /// The id and the extensions of a primitive, which JSON keeps in a second member.
    pub(super) beside: Option<&'a Value>,
    /// The elements that R4 allows in it, where known.
    pub(super) shape: Option<&'static TypeNode>,
    /// The name of its type (`dateTime`, `HumanName`, `Patient`), where known.
    pub(super) type_name: Option<Cow<'static, str>>,
}

impl<'a> Item<'a> {
    /// The resource itself.
    pub(super) fn resource(value: &'a Value, location: Option<Location>) -> Self {
        let name = value.get("resourceType").and_then(Value::as_str);
        Self {
            location,
            value: Some(Cow::Borrowed(value)),
            beside: None,
            shape: name.and_then(type_node),
            type_name: name.map(|name| Cow::Owned(name.to_owned())),
        }
    }

    /// A computed value, without a location.
    pub(super) fn computed(value: impl Into<Value>) -> Self {
        let value = Some(Cow::Owned(value.into()));
        Self { location: None, value, beside: None, shape: None, type_name: None }
    }

    /// The elements that R4 allows in it, where known; a primitive has none.
    pub(crate) fn shape(&self) -> Option<&'static TypeNode> {
        self.shape
    }

    /// The element's text, when it is one.
    pub fn text(&self) -> Option<&str> {
        self.value.as_deref().and_then(Value::as_str)
    }

    /// The name of its type: from its name, its definition or, failing both, from JSON.
    pub fn type_name(&self) -> Option<&str> {
        if let Some(name) = &self.type_name {
            return Some(name);
        }
        match self.value.as_deref()? {
            Value::Bool(_) => Some("boolean"),
            Value::String(_) => Some("string"),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some("integer"),
            Value::Number(_) => Some("decimal"),
            Value::Object(_) | Value::Array(_) | Value::Null => None,
        }
    }

    /// Whether it is of the type, or of a subtype.
    pub(super) fn is_of(&self, wanted: &str) -> bool {
        let Some(own) = self.type_name() else { return false };
        let is_resource = || self.value.as_deref().is_some_and(|value| value.get("resourceType").is_some());
        match wanted {
            _ if own == wanted => true,
            "String" | "Boolean" | "Integer" | "Decimal" => own.eq_ignore_ascii_case(wanted),
            "Resource" => is_resource(),
            "DomainResource" => is_resource() && !matches!(own, "Bundle" | "Parameters" | "Binary"),
            "Quantity" => matches!(own, "Age" | "Count" | "Distance" | "Duration"),
            "Element" => !is_resource(),
            "uri" => matches!(own, "url" | "canonical" | "oid" | "uuid"),
            "string" => matches!(own, "code" | "id" | "markdown"),
            "integer" => matches!(own, "positiveInt" | "unsignedInt"),
            _ => false,
        }
    }
}

/// What the definitions say of an element.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) shape: Option<&'static TypeNode>,
    pub(super) type_name: Option<Cow<'static, str>>,
}

impl Known {
    /// From its definition; `choice` is the type in the element's name, where there is no definition.
    pub(super) fn of(member: Option<&'static Member>, choice: Option<&'static str>) -> Self {
        match member.map(|member| (member, member.content)) {
            Some((_, ElementContent::Resource)) => Self::default(),
            Some((member, content)) => {
                Self { shape: content.node(), type_name: Some(Cow::Borrowed(&member.type_name)) }
            }
            None => Self { shape: choice.and_then(type_node), type_name: choice.map(Cow::Borrowed) },
        }
    }
}
