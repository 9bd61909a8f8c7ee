//! The value of an operation, and the element that it becomes.

use serde_json::{Map, Value};

use super::super::edit::{ElementPart, read_list, write_list, write_one};
use crate::patch::fault::PatchFault;
use crate::structure::{ElementContent, Primitive, TypeNode, open_choice, type_node};

/// A value as the patch gives it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PatchValue {
    /// A `value[x]`: the `x`, and the element.
    Given { choice: String, part: ElementPart },
    /// The elements of a type that has no name of its own, such as `Patient.contact`.
    Parts(Vec<(String, PatchValue)>),
    /// A whole resource.
    Resource(Value),
}

impl PatchValue {
    /// The element that the value becomes inside an element of `content`.
    pub(super) fn build(&self, content: Option<ElementContent>) -> Result<ElementPart, PatchFault> {
        match self {
            Self::Given { part, .. } => Ok(part.clone()),
            Self::Resource(resource) => Ok(ElementPart::of(resource.clone())),
            Self::Parts(parts) => {
                let inside = Inside::of(content);
                let mut object = Map::new();
                for (name, value) in parts {
                    inside.put(&mut object, name, value)?;
                }
                Ok(ElementPart::of(Value::Object(object)))
            }
        }
    }
}

/// The definition of the elements inside the one that is written to.
pub(super) enum Inside {
    /// Its definition.
    Known(&'static TypeNode),
    /// It is a primitive: an id and extensions.
    Primitive,
    /// Unknown: a resource of a type that R4 does not have.
    Unknown,
}

impl Inside {
    /// The definition of the elements inside this content.
    pub(super) fn of(content: Option<ElementContent>) -> Self {
        match content {
            Some(ElementContent::Primitive(_) | ElementContent::Xhtml) => Self::Primitive,
            Some(content) => content.node().map_or(Self::Unknown, Self::Known),
            None => Self::Unknown,
        }
    }

    /// Appends a value under a name: to the list, or as the single element where there is none yet.
    pub(super) fn put(
        &self,
        object: &mut Map<String, Value>,
        name: &str,
        value: &PatchValue,
    ) -> Result<(), PatchFault> {
        let (key, repeats, content) = self.element(name, value)?;
        let part = value.build(Some(content))?;
        if repeats {
            let mut items = read_list(object, &key);
            items.push(part);
            write_list(object, &key, items);
            return Ok(());
        }
        let other_choice =
            |key: &String| open_choice(name.trim_end_matches("[x]"), key.trim_start_matches('_')).is_some();
        let choice = key != name;
        if object.contains_key(&key) || object.contains_key(&format!("_{key}")) {
            return Err(there_already());
        }
        if choice && object.keys().any(other_choice) {
            return Err(there_already());
        }
        write_one(object, &key, part);
        Ok(())
    }

    /// The member of a name for this value, whether it is a list, and its content. A choice is named with or
    /// without its type.
    fn element(&self, name: &str, value: &PatchValue) -> Result<(String, bool, ElementContent), PatchFault> {
        let bare = name.strip_suffix("[x]").unwrap_or(name);
        match self {
            Self::Known(shape) => {
                if let Some((element, member)) = shape.element(bare) {
                    return Ok((bare.to_owned(), element.is_list, member.content));
                }
                if let PatchValue::Given { choice, .. } = value {
                    let key = format!("{bare}{choice}");
                    if let Some((element, member)) = shape.element(&key) {
                        return Ok((key, element.is_list, member.content));
                    }
                }
                Err(unknown())
            }
            Self::Primitive => match (bare, type_node("Extension")) {
                ("id", _) => Ok(("id".to_owned(), false, ElementContent::Primitive(Primitive::String))),
                ("extension", Some(extension)) => {
                    Ok(("extension".to_owned(), true, ElementContent::Node(extension.index)))
                }
                _ => Err(unknown()),
            },
            Self::Unknown => Err(unknown()),
        }
    }
}

fn unknown() -> PatchFault {
    PatchFault::impossible("The element has no element of that name and type inside it in FHIR R4.")
}

fn there_already() -> PatchFault {
    PatchFault::impossible("The element is there already and does not repeat: use replace.")
}
