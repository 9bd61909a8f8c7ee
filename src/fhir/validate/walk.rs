//! The walk through a document, element by element, with the definitions: known elements, JSON shapes,
//! cardinality, types (G-20, <https://hl7.org/fhir/R4/json.html>).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::primitive::PrimitiveFault;
use super::reference::Contained;
use super::report::{Object, Path, Report};
use super::{answers, binding, extension, invariant, profile, reference};
use crate::outcome::IssueType;
use crate::structure::{Definitions, Element, ElementContent, Member, Primitive, TypeNode, r4};
use crate::xhtml;

/// A walk through one document.
pub(super) struct Walk<'v> {
    definitions: &'static Definitions,
    /// The targets of `#id` within the resource.
    contained: Contained<'v>,
    /// The ids of the elements of the present resource so far.
    ids: BTreeSet<&'v str>,
    /// The profile that the caller asks for, until its resource is reached.
    asked: Option<&'v str>,
    /// The issues so far.
    pub(super) report: Report,
}

impl<'v> Walk<'v> {
    pub(super) fn new(asked: Option<&'v str>) -> Self {
        let (contained, report) = (Contained::default(), Report::default());
        Self { definitions: r4(), contained, ids: BTreeSet::new(), asked, report }
    }

    /// Validates a resource of its own: a document, an entry of a Bundle, a parameter.
    pub(super) fn resource(&mut self, value: &'v Value, at: &Path<'_>) {
        let outer = std::mem::replace(&mut self.contained, Contained::of(value.as_object()));
        let asked = self.asked.take();
        self.typed(value, at);
        self.contained = outer;
        // No further issue would be reported.
        if self.report.is_full() {
            return;
        }
        if let Some(members) = value.as_object() {
            let resource = Object { members, path: at };
            invariant::check_contained(&resource, &mut self.report);
            answers::check(&resource, &mut self.report);
        }
        profile::check(value, at, asked, &mut self.report);
    }

    /// Validates a resource by the type that it names.
    fn typed(&mut self, value: &'v Value, at: &Path<'_>) {
        let Some(members) = value.as_object() else {
            return self.report.error(IssueType::Structure, at, "Write a resource as a JSON object.");
        };
        let Some(name) = members.get("resourceType").and_then(Value::as_str) else {
            return self.report.error(
                IssueType::Structure,
                at,
                "Say which resource this is: add a resourceType.",
            );
        };
        match self.definitions.type_node(name).filter(|node| node.is_resource && node.is_validated) {
            Some(node) => {
                // A contained resource has ids of its own.
                let outer = std::mem::take(&mut self.ids);
                self.object(members, node, at);
                self.ids = outer;
            }
            None if self.definitions.is_resource_type(name) => {
                let words =
                    "This service does not know the elements of this resource type: it was not checked.";
                self.report.warning(IssueType::NotSupported, at, words);
            }
            None => {
                self.report.error(IssueType::Structure, at, "Name a resource type of R4 in resourceType.");
            }
        }
    }

    /// Validates an object: every member is known, every required element present, every invariant holds.
    fn object(&mut self, members: &'v Map<String, Value>, node: &'static TypeNode, at: &Path<'_>) {
        if !node.is_resource && members.keys().all(|key| key == "id") {
            self.report.demand(false, "ele-1", at, "Give this element a value or elements, or leave it out.");
        }
        self.members(members, node, at);
    }

    /// Validates the members of an object: of an element, or of the second member of a primitive value.
    fn members(&mut self, members: &'v Map<String, Value>, node: &'static TypeNode, at: &Path<'_>) {
        if let Some(id) = members.get("id").and_then(Value::as_str).filter(|_| !node.is_resource) {
            self.element_id(id, node, at);
        }
        let mut choices: Vec<(usize, &str)> = Vec::new();
        for (key, value) in members.iter().filter(|(key, _)| !node.is_resource || *key != "resourceType") {
            if self.report.is_full() {
                return;
            }
            let (name, is_sibling) = key.strip_prefix('_').map_or((key.as_str(), false), |name| (name, true));
            let found = node.members.get(name).and_then(|it| Some((it, node.elements.get(it.element)?)));
            let is_fit = |it: &Member| !is_sibling || matches!(it.content, ElementContent::Primitive(_));
            let Some((member, element)) = found.filter(|(member, _)| is_fit(member)) else {
                self.unknown(key, node, at);
                continue;
            };
            let named = at.name(&element.name);
            if element.is_choice {
                let of_element = |(index, _): &&(usize, &str)| *index == member.element;
                if choices.iter().find(of_element).is_some_and(|(_, other)| *other != name) {
                    let words = "Give this element with one of its types only.";
                    self.report.error(IssueType::Structure, &named, words);
                }
                choices.push((member.element, name));
            }
            let typed = named.of_type(&member.type_name);
            let at = if element.is_choice { &typed } else { &named };
            if is_sibling {
                self.siblings(value, members.get(name), element, at);
            } else {
                let may_have_sibling =
                    value.is_array() && matches!(member.content, ElementContent::Primitive(_));
                let sibling = if may_have_sibling { members.get(&format!("_{name}")) } else { None };
                self.element(value, sibling, element, member, at);
            }
        }
        self.required(members, node, &choices, at);
        if let Some(check) = invariant::of(node) {
            check(&Object { members, path: at }, &mut self.report);
        }
    }

    /// Validates the id of an element (<https://hl7.org/fhir/R4/element-definitions.html#Element.id>).
    fn element_id(&mut self, id: &'v str, node: &TypeNode, at: &Path<'_>) {
        if id.contains(char::is_whitespace) {
            let words = "Write the id of an element without spaces.";
            self.report.error(IssueType::Value, &at.name("id"), words);
        }
        // A snapshot and a differential both have the ids of their elements: sdf-16 and sdf-17 check these.
        if !self.ids.insert(id) && node.path != "ElementDefinition" {
            let words = "Give each element an id of its own: another element of this resource has this one.";
            self.report.error(IssueType::Duplicate, &at.name("id"), words);
        }
    }

    fn unknown(&mut self, key: &str, node: &TypeNode, at: &Path<'_>) {
        // A key that is not a name could be anything: it is not repeated.
        let is_name = key.len() <= 64
            && !key.starts_with(|first: char| first.is_ascii_digit())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let words = format!("Remove this element: {} has no such element in R4.", node.path);
        if is_name {
            self.report.error(IssueType::Structure, &at.name(key), words);
        } else {
            let words = format!("Remove the member that is no element name: {} has none like it.", node.path);
            self.report.error(IssueType::Structure, at, words);
        }
    }

    fn required(
        &mut self,
        members: &Map<String, Value>,
        node: &TypeNode,
        choices: &[(usize, &str)],
        at: &Path<'_>,
    ) {
        for (index, element) in node.elements.iter().enumerate().filter(|(_, element)| element.is_required) {
            let is_there = if element.is_choice {
                choices.iter().any(|(choice, _)| *choice == index)
            } else {
                members.contains_key(&element.name) || members.contains_key(&format!("_{}", element.name))
            };
            if !is_there {
                let words = format!("Add {}: {} must have it.", element.name, node.path);
                self.report.error(IssueType::Required, &at.name(&element.name), words);
            }
        }
    }

    /// Validates the value or the values of an element.
    fn element(
        &mut self,
        value: &'v Value,
        sibling: Option<&Value>,
        element: &'static Element,
        member: &'static Member,
        at: &Path<'_>,
    ) {
        match (element.is_list, value) {
            (true, Value::Array(items)) => {
                if items.is_empty() {
                    self.report.error(
                        IssueType::Structure,
                        at,
                        "Leave the element out instead of giving an empty array.",
                    );
                }
                let siblings = sibling.and_then(Value::as_array);
                if siblings.is_some_and(|siblings| siblings.len() != items.len()) {
                    let words = "Give the array and its _ array the same length: null stands for no value.";
                    self.report.error(IssueType::Structure, at, words);
                }
                for (index, item) in items.iter().enumerate() {
                    if self.report.is_full() {
                        return;
                    }
                    let has_sibling =
                        || siblings.and_then(|siblings| siblings.get(index)).is_some_and(Value::is_object);
                    if !item.is_null() || !has_sibling() {
                        self.value(item, element, member, &at.index(index));
                    }
                }
            }
            (true, _) => {
                self.report.error(IssueType::Structure, at, "Write this element as an array: it can repeat.");
            }
            (false, Value::Array(_)) => {
                self.report.error(
                    IssueType::Structure,
                    at,
                    "Write this element without an array: it cannot repeat.",
                );
            }
            (false, _) => self.value(value, element, member, at),
        }
    }

    /// Validates the second member of a primitive value: its id and its extensions. An id alone is enough
    /// where there is a value (ele-1 asks for a value or extensions); without a value it is not.
    fn siblings(&mut self, value: &'v Value, values: Option<&Value>, element: &Element, at: &Path<'_>) {
        let Some(node) = self.definitions.type_node("Element") else { return };
        match (element.is_list, value) {
            (true, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    if self.report.is_full() {
                        return;
                    }
                    let of_value = values.and_then(|values| values.get(index));
                    let is_gap = item.is_null() && of_value.is_some_and(|value| !value.is_null());
                    let has_value = of_value.is_some_and(|value| !value.is_null());
                    match item.as_object() {
                        Some(members) if has_value => self.beside(members, node, &at.index(index)),
                        Some(members) => self.instead(members, node, element, &at.index(index)),
                        None if is_gap => {}
                        None => self.not_an_object(&at.index(index)),
                    }
                }
            }
            (true, _) => {
                self.report.error(IssueType::Structure, at, "Write this element as an array: it can repeat.");
            }
            (false, Value::Object(members)) if values.is_some() => self.beside(members, node, at),
            (false, Value::Object(members)) => self.instead(members, node, element, at),
            (false, _) => self.not_an_object(at),
        }
    }

    /// Validates the second member of a primitive value that is present.
    fn beside(&mut self, members: &'v Map<String, Value>, node: &'static TypeNode, at: &Path<'_>) {
        if members.is_empty() {
            let words = "Leave the element out instead of giving an empty object.";
            return self.report.error(IssueType::Structure, at, words);
        }
        self.members(members, node, at);
    }

    /// Validates the second member in place of a primitive value.
    fn instead(
        &mut self,
        members: &'v Map<String, Value>,
        node: &'static TypeNode,
        element: &Element,
        at: &Path<'_>,
    ) {
        self.object(members, node, at);
        if let Some(binding) = element.binding.as_ref().filter(|binding| binding.is_required) {
            let words =
                format!("Give a code of the value set {}: an extension does not stand for it.", binding.url);
            self.report.error(IssueType::CodeInvalid, at, words);
        }
    }

    fn not_an_object(&mut self, at: &Path<'_>) {
        self.report.error(IssueType::Structure, at, "Write this element as a JSON object.");
    }

    /// Validates one value.
    fn value(&mut self, value: &'v Value, element: &'static Element, member: &'static Member, at: &Path<'_>) {
        match &member.content {
            ElementContent::Primitive(primitive) => {
                if !self.primitive(*primitive, value, at) {
                    return;
                }
            }
            ElementContent::Node(index) => self.node(value, *index, at),
            ElementContent::Resource if element.name == "contained" => self.typed(value, at),
            ElementContent::Resource => self.resource(value, at),
            ElementContent::Xhtml => match value.as_str().map(xhtml::check) {
                Some(Ok(())) => {}
                Some(Err(words)) => self.report.error(IssueType::Invariant, at, words),
                None => {
                    self.report.error(IssueType::Structure, at, "Write this element as a text in quotes.");
                }
            },
        }
        if let Some(members) = value.as_object() {
            let object = Object { members, path: at };
            match member.type_name.as_str() {
                "Extension" => extension::check(&object, element, &mut self.report),
                "Reference" => {
                    let targets = &member.targets;
                    reference::check(self.definitions, &object, targets, &self.contained, &mut self.report);
                }
                _ => {}
            }
        }
        if let Some(binding) = &element.binding {
            binding::check(self.definitions, binding, &member.type_name, value, at, &mut self.report);
        }
    }

    fn node(&mut self, value: &'v Value, index: usize, at: &Path<'_>) {
        match (value, self.definitions.node(index)) {
            (Value::Object(members), Some(node)) => self.object(members, node, at),
            (_, _) => self.not_an_object(at),
        }
    }

    /// Validates a primitive value, and returns whether it is one.
    fn primitive(&mut self, primitive: Primitive, value: &Value, at: &Path<'_>) -> bool {
        match primitive.check(value) {
            Ok(()) => return true,
            Err(PrimitiveFault::Json(kind)) => {
                self.report.error(IssueType::Structure, at, format!("Write this element as {kind}."));
            }
            Err(PrimitiveFault::TooLong) => {
                self.report.error(IssueType::TooLong, at, "Shorten this text: it may have 1 MB at most.");
            }
            Err(PrimitiveFault::Value(words)) => self.report.error(IssueType::Value, at, words),
        }
        false
    }
}
