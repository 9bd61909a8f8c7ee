//! From FHIR JSON to XML. Any JSON gives well-formed XML; only FHIR gives FHIR.

use serde_json::{Map, Value};

use super::fault::{FHIR, check_narrative};
use crate::structure::{ElementContent, TypeNode, type_node};
use crate::xhtml::{XHTML, is_char};

pub(super) fn resource(resource: &Value, pretty: bool) -> String {
    let mut writer =
        Writer { out: String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#), depth: 0, pretty };
    if let Value::Object(object) = resource {
        writer.resource(object, &format!(r#" xmlns="{FHIR}""#));
    }
    writer.out
}

struct Writer {
    out: String,
    depth: usize,
    pretty: bool,
}

impl Writer {
    fn line(&mut self) {
        if self.pretty {
            self.out.push('\n');
            for _ in 0..self.depth {
                self.out.push_str("  ");
            }
        }
    }

    fn resource(&mut self, object: &Map<String, Value>, namespace: &str) {
        let name = object.get("resourceType").and_then(Value::as_str).filter(|name| is_name(name));
        let name = name.unwrap_or("Resource");
        let shape = type_node(name);
        self.wrap(name, namespace, |writer| writer.elements(object, shape, &["resourceType"]));
    }

    /// An element with elements inside; without any it is self-closing.
    fn wrap(&mut self, name: &str, attributes: &str, inside: impl FnOnce(&mut Self)) {
        self.line();
        self.out.extend(["<", name, attributes, ">"]);
        let empty = self.out.len();
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        if self.out.len() == empty {
            self.out.truncate(empty - 1);
            self.out.push_str("/>");
        } else {
            self.line();
            self.out.extend(["</", name, ">"]);
        }
    }

    /// The members of an object, known ones in the order of the definition.
    fn elements(
        &mut self,
        object: &Map<String, Value>,
        shape: Option<&'static TypeNode>,
        attributes: &[&str],
    ) {
        let known: Vec<&str> = shape.into_iter().flat_map(TypeNode::names).collect();
        let is_written = |name: &str| object.contains_key(name) || object.contains_key(&format!("_{name}"));
        for name in known.iter().copied().filter(|name| is_written(name) && !attributes.contains(name)) {
            self.member(object, shape, name);
        }
        for key in object.keys() {
            let name = key.strip_prefix('_').unwrap_or(key);
            let done = (name != key && object.contains_key(name)) || known.contains(&name);
            if !done && !attributes.contains(&name) && is_name(name) {
                self.member(object, shape, name);
            }
        }
    }

    fn member(&mut self, object: &Map<String, Value>, shape: Option<&'static TypeNode>, name: &str) {
        let content = shape.and_then(|shape| shape.element(name)).map(|(_, member)| member.content);
        let content = match (content, name) {
            (None, "extension" | "modifierExtension") => {
                type_node("Extension").map(|extension| ElementContent::Node(extension.index))
            }
            (content, _) => content,
        };
        let (values, besides) = (object.get(name), object.get(&format!("_{name}")));
        let length =
            [values, besides].into_iter().flatten().filter_map(|list| Some(list.as_array()?.len())).max();
        let Some(length) = length else {
            self.element(name, content, values, besides);
            return;
        };
        for index in 0..length {
            self.element(name, content, item(values, index), item(besides, index));
        }
    }

    fn element(
        &mut self,
        name: &str,
        content: Option<ElementContent>,
        value: Option<&Value>,
        beside: Option<&Value>,
    ) {
        match (value, content) {
            (Some(Value::Object(object)), _) if object.get("resourceType").is_some_and(Value::is_string) => {
                self.wrap(name, "", |writer| writer.resource(object, ""));
            }
            (Some(Value::Object(object)), content) => {
                self.complex(name, content.and_then(ElementContent::node), object);
            }
            (Some(Value::String(div)), Some(ElementContent::Xhtml)) => self.narrative(div),
            (None | Some(Value::Null), _) if !beside.is_some_and(Value::is_object) => {}
            (Some(Value::Array(_)), _) => {}
            (value, _) => self.primitive(name, value, beside),
        }
    }

    fn complex(&mut self, name: &str, shape: Option<&'static TypeNode>, object: &Map<String, Value>) {
        let is_extension = shape.is_some_and(|shape| shape.type_name() == "Extension");
        let names: &[&str] = if is_extension { &["id", "url"] } else { &["id"] };
        let attributes: String = names.iter().filter_map(|name| attribute(name, object.get(*name))).collect();
        self.wrap(name, &attributes, |writer| writer.elements(object, shape, names));
    }

    fn primitive(&mut self, name: &str, value: Option<&Value>, beside: Option<&Value>) {
        let empty = Map::new();
        let beside = beside.and_then(Value::as_object).unwrap_or(&empty);
        let id = attribute("id", beside.get("id"));
        let attributes: String = id.into_iter().chain(attribute("value", value)).collect();
        self.wrap(name, &attributes, |writer| writer.elements(beside, None, &["id"]));
    }

    /// The `div` unchanged; invalid XHTML, which the validator never lets a client store, as plain text.
    fn narrative(&mut self, div: &str) {
        self.line();
        if check_narrative(div).is_ok() {
            self.out.push_str(div.trim());
        } else {
            let text = escaped(div);
            self.out.extend([r#"<div xmlns=""#, XHTML, "\">", &text, "</div>"]);
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric())
}

fn attribute(name: &str, value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => escaped(text),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(format!(r#" {name}="{text}""#))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A reader would turn these into spaces unless they are numeric references.
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            _ if is_char(letter) => out.push(letter),
            _ => out.push('\u{FFFD}'),
        }
    }
    out
}

/// The item of a list.
fn item(list: Option<&Value>, index: usize) -> Option<&Value> {
    list?.get(index)
}
