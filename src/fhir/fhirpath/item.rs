//! What an expression hands on: elements of the resource, each with its place, and computed values.

use std::borrow::Cow;

use serde_json::Value;

use crate::structure::{Content, Member, Node, type_node};

/// One step into JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into the member of an object, named as in JSON (`valueString`).
    Key(String),
    /// Into the item of an array.
    Index(usize),
}

/// The steps from the resource to an element.
pub type Location = Vec<Step>;

/// Writes a location as a FHIRPath, such as `Patient.contact[0].name`.
pub fn render_location(root: &str, location: &[Step]) -> String {
    location.iter().fold(root.to_owned(), |path, step| match step {
        Step::Key(key) => format!("{path}.{key}"),
        Step::Index(index) => format!("{path}[{index}]"),
    })
}

/// An element or a computed value.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Where the element stands; nowhere, when the value is computed.
    pub location: Option<Location>,
    /// Its value; a primitive that has only extensions has none.
    pub value: Option<Cow<'a, Value>>,
    /// The id and the extensions of a primitive, which JSON keeps beside it.
    pub(super) beside: Option<&'a Value>,
    /// The elements that it may have, as far as R4 is known to say.
    pub(super) shape: Option<&'static Node>,
    /// The name of its type (`dateTime`, `HumanName`, `Patient`), as far as it is known.
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

    /// A value that stands nowhere in the resource.
    pub(super) fn computed(value: impl Into<Value>) -> Self {
        let value = Some(Cow::Owned(value.into()));
        Self { location: None, value, beside: None, shape: None, type_name: None }
    }

    /// The elements that it may have, as far as R4 is known to say; a primitive has none.
    pub(crate) fn shape(&self) -> Option<&'static Node> {
        self.shape
    }

    /// The element's text, when it is one.
    pub fn text(&self) -> Option<&str> {
        self.value.as_deref().and_then(Value::as_str)
    }

    /// The name of its type: told by its name, its definition or, failing both, by JSON.
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

    /// Whether it is of the type, or of one that the type stands above.
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

/// What is known about an element before it is looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) shape: Option<&'static Node>,
    pub(super) type_name: Option<Cow<'static, str>>,
}

impl Known {
    /// What the definition says; `choice` is the type that the element's name ends with, where it says nothing.
    pub(super) fn of(member: Option<&'static Member>, choice: Option<&'static str>) -> Self {
        match member.map(|member| (member, member.content)) {
            Some((_, Content::Resource)) => Self::default(),
            Some((member, content)) => {
                Self { shape: content.node(), type_name: Some(Cow::Borrowed(&member.type_name)) }
            }
            None => Self { shape: choice.and_then(type_node), type_name: choice.map(Cow::Borrowed) },
        }
    }
}
