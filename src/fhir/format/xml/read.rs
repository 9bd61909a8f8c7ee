//! From the elements of XML to FHIR JSON.
//!
//! An element that R4 does not know is kept, as a text where it has a value and as an object otherwise, so
//! that the validator can report it together with every other fault.

use serde_json::{Map, Number, Value};

use super::fault::XmlFault;
use super::tree::Node;
use crate::structure;
use crate::structure::{ElementContent, Primitive, type_node};

pub(super) fn resource(node: &Node) -> Result<Value, XmlFault> {
    if node.id.is_some() || node.url.is_some() || node.value.is_some() {
        return Err(XmlFault::Attribute);
    }
    if !node.name.starts_with(|first: char| first.is_ascii_uppercase()) {
        return Err(XmlFault::Element);
    }
    let mut object = Map::new();
    object.insert("resourceType".to_owned(), node.name.as_str().into());
    elements(node, type_node(&node.name), true, &mut object)?;
    Ok(Value::Object(object))
}

fn elements(
    node: &Node,
    shape: Option<&'static structure::TypeNode>,
    in_resource: bool,
    object: &mut Map<String, Value>,
) -> Result<(), XmlFault> {
    for child in &node.children {
        let known = shape.and_then(|shape| shape.element(&child.name));
        let reserved = match child.name.as_str() {
            "resourceType" => known.is_none(),
            // These two are attributes.
            "id" => !in_resource,
            "url" => shape.is_some_and(|shape| shape.type_name() == "Extension"),
            _ => false,
        };
        if reserved {
            return Err(XmlFault::Element);
        }
        let (repeats, content) = match known {
            Some((element, member)) => (element.is_list, member.content),
            None => (false, guess(child)),
        };
        let (value, beside) = element(child, content)?;
        push(object, &child.name, repeats, value, beside);
    }
    Ok(())
}

/// The content of an element without a definition.
fn guess(node: &Node) -> ElementContent {
    let extensions_only = node.children.iter().all(|child| child.name == "extension");
    match type_node("Extension") {
        Some(extension) if node.name == "extension" => ElementContent::Node(extension.index),
        _ if node.xhtml.is_some() => ElementContent::Xhtml,
        _ if node.value.is_some() && extensions_only => ElementContent::Primitive(Primitive::String),
        _ => ElementContent::Resource,
    }
}

fn element(node: &Node, content: ElementContent) -> Result<(Option<Value>, Option<Value>), XmlFault> {
    match content {
        ElementContent::Xhtml => {
            let xhtml = node.xhtml.as_deref().ok_or(XmlFault::Narrative)?;
            Ok((Some(xhtml.into()), None))
        }
        ElementContent::Primitive(kind) => primitive(node, kind),
        ElementContent::Node(_) => complex(node, content.node()).map(|value| (Some(value), None)),
        ElementContent::Resource => match node.children.as_slice() {
            [inner] if inner.name.starts_with(|first: char| first.is_ascii_uppercase()) => {
                if node.id.is_some() || node.url.is_some() || node.value.is_some() {
                    return Err(XmlFault::Attribute);
                }
                resource(inner).map(|value| (Some(value), None))
            }
            _ => complex(node, None).map(|value| (Some(value), None)),
        },
    }
}

fn complex(node: &Node, shape: Option<&'static structure::TypeNode>) -> Result<Value, XmlFault> {
    let mut object = Map::new();
    if let Some(id) = &node.id {
        object.insert("id".to_owned(), id.as_str().into());
    }
    if let Some(url) = &node.url {
        if shape.is_some_and(|shape| shape.type_name() != "Extension") {
            return Err(XmlFault::Attribute);
        }
        object.insert("url".to_owned(), url.as_str().into());
    }
    // A value in the place of elements: the validator reports it, by this name.
    if let Some(value) = &node.value {
        object.insert("value".to_owned(), value.as_str().into());
    }
    elements(node, shape, false, &mut object)?;
    if object.is_empty() { Err(XmlFault::Empty) } else { Ok(Value::Object(object)) }
}

fn primitive(node: &Node, kind: Primitive) -> Result<(Option<Value>, Option<Value>), XmlFault> {
    if node.url.is_some() {
        return Err(XmlFault::Attribute);
    }
    let value = node.value.as_deref().map(|text| scalar(text, kind));
    let mut beside = Map::new();
    if let Some(id) = &node.id {
        beside.insert("id".to_owned(), id.as_str().into());
    }
    elements(node, None, false, &mut beside)?;
    // `extension` repeats in every element, known or not.
    if let Some(extension) = beside.get_mut("extension")
        && !extension.is_array()
    {
        *extension = Value::Array(vec![extension.take()]);
    }
    if value.is_none() && beside.is_empty() {
        return Err(XmlFault::Empty);
    }
    Ok((value, (!beside.is_empty()).then_some(Value::Object(beside))))
}

/// A value in JSON; one that does not fit its type stays a text, for the validator to refuse.
fn scalar(text: &str, kind: Primitive) -> Value {
    match (kind, text) {
        (Primitive::Boolean, "true") => true.into(),
        (Primitive::Boolean, "false") => false.into(),
        (Primitive::Integer | Primitive::UnsignedInt | Primitive::PositiveInt | Primitive::Decimal, _) => {
            // R4's integer and positiveInt may have a plus, which JSON's have not. Otherwise only numbers of
            // JSON: no leading zeros, no spaces.
            let unsigned = text.strip_prefix('+').filter(|rest| {
                matches!(kind, Primitive::Integer | Primitive::PositiveInt)
                    && rest.starts_with(|first: char| ('1'..='9').contains(&first))
            });
            let number = unsigned.unwrap_or(text).parse::<Number>().ok();
            let number = number.filter(|_| text.trim() == text);
            let whole = kind == Primitive::Decimal || !text.contains(['.', 'e', 'E']);
            number.filter(|_| whole).map_or_else(|| text.into(), Value::Number)
        }
        _ => text.into(),
    }
}

/// Adds an element; a repeated one becomes a list, allowed or not.
fn push(
    object: &mut Map<String, Value>,
    name: &str,
    repeats: bool,
    value: Option<Value>,
    beside: Option<Value>,
) {
    let beside_name = format!("_{name}");
    let there = |key: &str| object.get(key).map(|value| value.as_array().map_or(1, Vec::len));
    let (values, besides) = (there(name), there(&beside_name));
    let count = values.max(besides).unwrap_or(0);
    if count == 0 && !repeats {
        for (key, value) in [(name, value), (&beside_name, beside)] {
            if let Some(value) = value {
                object.insert(key.to_owned(), value);
            }
        }
        return;
    }
    for (key, value, has) in [(name, value, values), (&beside_name, beside, besides)] {
        if value.is_none() && has.is_none() {
            continue;
        }
        let list = object.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        if !list.is_array() {
            *list = Value::Array(vec![list.take()]);
        }
        if let Value::Array(items) = list {
            items.resize(count, Value::Null);
            items.push(value.unwrap_or_default());
        }
    }
}
