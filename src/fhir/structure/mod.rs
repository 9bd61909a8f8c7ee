//! The definitions of R4: types, elements, and the codes of bound value sets
//! (<https://hl7.org/fhir/R4/elementdefinition.html>). The validator is driven by them, XML by the order and
//! content of elements, FHIRPath by the types.
//!
//! They are read once from `definitions/r4.json` of this crate, which `generate.py` beside it extracts. Each
//! JSON member name leads straight to its element, so a document is validated in one walk.

mod primitive;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

pub(crate) use primitive::Primitive;

static R4: LazyLock<Definitions> = LazyLock::new(|| {
    // Without a readable file nothing is known, so nothing is accepted; a test reads it first.
    Definitions::read(include_str!("../definitions/r4.json")).unwrap_or_default()
});

/// The definitions of R4.
pub(crate) fn r4() -> &'static Definitions {
    &R4
}

/// All definitions.
#[derive(Default)]
pub(crate) struct Definitions {
    resource_types: HashSet<String>,
    types: HashMap<String, usize>,
    nodes: Vec<TypeNode>,
    value_sets: Vec<Option<ValueSetCodes>>,
    sets: HashMap<String, usize>,
    search: HashMap<String, SearchParameters>,
}

/// The search parameters of a type by name: their types and the canonical URLs of their definitions.
type SearchParameters = HashMap<String, (String, String)>;

/// The importance of an element right below a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Whether a summary includes it.
    pub is_summary: bool,
    /// Whether no part of the resource may omit it: it is mandatory, or modifies the meaning of the rest.
    pub is_essential: bool,
}

/// A type, or an element that has elements of its own.
#[derive(Debug, Default)]
pub(crate) struct TypeNode {
    /// Its index ([`Definitions::node`]).
    pub(crate) index: usize,
    /// `Consent`, `Consent.provision`, `Period`.
    pub(crate) path: String,
    /// Whether it is a resource.
    pub(crate) is_resource: bool,
    /// Whether more than its shape is known, so that it can be validated.
    pub(crate) is_validated: bool,
    /// The meaning of each JSON member: `valueString` leads to `value[x]` as a string.
    pub(crate) members: HashMap<String, Member>,
    /// Its elements, in order.
    pub(crate) elements: Vec<Element>,
}

/// An element of a node.
#[derive(Debug)]
pub(crate) struct Element {
    /// Its name without `[x]`.
    pub(crate) name: String,
    /// Whether it is a choice of types.
    pub(crate) is_choice: bool,
    /// Its JSON members: of a choice one for each type.
    pub(crate) keys: Vec<String>,
    /// Whether it is mandatory.
    pub(crate) is_required: bool,
    /// Whether it is an array in JSON.
    pub(crate) is_list: bool,
    /// Its importance.
    pub(crate) weight: Weight,
    /// Its binding.
    pub(crate) binding: Option<Binding>,
}

/// The content of one JSON member.
#[derive(Debug)]
pub(crate) struct Member {
    /// The index of its element.
    pub(crate) element: usize,
    /// The name of its type.
    pub(crate) type_name: String,
    /// Its content.
    pub(crate) content: ElementContent,
    /// The types that a Reference may point to; none stands for all.
    pub(crate) targets: Vec<String>,
}

/// The content of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElementContent {
    /// A primitive type.
    Primitive(Primitive),
    /// A node, by its index.
    Node(usize),
    /// Any resource.
    Resource,
    /// A narrative's `div`.
    Xhtml,
}

/// A binding to a value set.
#[derive(Debug)]
pub(crate) struct Binding {
    /// Required: another code is an error. Otherwise extensible: another code is a warning.
    pub(crate) is_required: bool,
    /// The canonical URL of the set.
    pub(crate) url: String,
    set: usize,
}

/// The codes of a value set, by system.
pub(crate) struct ValueSetCodes(HashMap<String, HashSet<String>>);

impl ElementContent {
    /// The node of content with elements of its own.
    pub(crate) fn node(self) -> Option<&'static TypeNode> {
        match self {
            Self::Node(index) => r4().node(index),
            Self::Primitive(_) | Self::Resource | Self::Xhtml => None,
        }
    }
}

/// The node of a type.
pub(crate) fn type_node(name: &str) -> Option<&'static TypeNode> {
    r4().type_node(name)
}

/// The type of a JSON member where the element may be of any type: `valueDateTime` is a `dateTime` of `value`
/// (<https://hl7.org/fhir/R4/datatypes.html#open>).
pub(crate) fn open_choice(element: &str, key: &str) -> Option<&'static str> {
    type_node("Extension")?.choice_type("value", &format!("value{}", key.strip_prefix(element)?))
}

impl ValueSetCodes {
    /// Whether any system has the code.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.0.values().any(|codes| codes.contains(code))
    }

    /// Each code with its system.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(system, codes)| codes.iter().map(|code| (system.as_str(), code.as_str())))
    }

    /// Whether the system has the code.
    pub(crate) fn has(&self, system: &str, code: &str) -> bool {
        self.0.get(system).is_some_and(|codes| codes.contains(code))
    }
}

impl FromIterator<(String, Vec<String>)> for ValueSetCodes {
    fn from_iter<I: IntoIterator<Item = (String, Vec<String>)>>(systems: I) -> Self {
        Self(systems.into_iter().map(|(system, codes)| (system, codes.into_iter().collect())).collect())
    }
}

impl Definitions {
    /// Whether R4 has a resource type of this name.
    pub(crate) fn is_resource_type(&self, name: &str) -> bool {
        self.resource_types.contains(name)
    }

    /// The node of a type: of a resource type, or of a datatype that is not primitive.
    pub(crate) fn type_node(&self, name: &str) -> Option<&TypeNode> {
        self.node(*self.types.get(name)?)
    }

    /// Every node, by its index.
    pub(crate) fn nodes(&self) -> &[TypeNode] {
        &self.nodes
    }

    /// A node by its index.
    pub(crate) fn node(&self, index: usize) -> Option<&TypeNode> {
        self.nodes.get(index)
    }

    /// The codes of a binding; `None` for a set that is not listed.
    pub(crate) fn codes(&self, binding: &Binding) -> Option<&ValueSetCodes> {
        self.value_sets.get(binding.set)?.as_ref()
    }

    /// The codes of a value set of R4; `None` for one that is not listed.
    pub(crate) fn value_set(&self, url: &str) -> Option<&ValueSetCodes> {
        self.value_sets.get(*self.sets.get(url)?)?.as_ref()
    }

    /// The canonical URL of the definition of a search parameter.
    pub(crate) fn search_parameter(&self, resource_type: &str, name: &str) -> Option<&str> {
        self.search.get(resource_type)?.get(name).map(|(_, definition)| definition.as_str())
    }

    fn read(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Self::build(serde_json::from_str(text)?))
    }

    fn build(file: File) -> Self {
        let mut value_sets = Vec::new();
        let mut sets = HashMap::new();
        for (url, systems) in file.value_sets {
            sets.insert(url, value_sets.len());
            value_sets.push(systems.map(ValueSetCodes::from_iter));
        }
        let mut nodes: Vec<TypeNode> = Vec::new();
        let mut by_path: HashMap<String, usize> = HashMap::new();
        for (name, read) in &file.types {
            let is_parent = |path: &str| {
                let start = format!("{path}.");
                read.elements.iter().any(|element| element.path.starts_with(&start))
            };
            let inner =
                read.elements.iter().map(|element| element.path.as_str()).filter(|path| is_parent(path));
            let paths = inner.map(|path| format!("{name}.{path}"));
            for path in [name.clone()].into_iter().chain(paths) {
                by_path.insert(path.clone(), nodes.len());
                let is_resource = read.kind == "resource" && path == *name;
                let (index, is_validated) = (nodes.len(), !read.shape);
                nodes.push(TypeNode { index, path, is_resource, is_validated, ..TypeNode::default() });
            }
        }
        for (name, read) in &file.types {
            for element in &read.elements {
                let path = format!("{name}.{}", element.path);
                let parent = path.rsplit_once('.').and_then(|(parent, _)| by_path.get(parent));
                if let Some(node) = parent.and_then(|parent| nodes.get_mut(*parent)) {
                    node.add(name, &path, element, &by_path, &sets);
                }
            }
        }
        let (mut types, mut search) = (HashMap::new(), HashMap::new());
        for (name, read) in file.types {
            if let Some(node) = by_path.get(&name) {
                types.insert(name.clone(), *node);
            }
            search.insert(name, read.search);
        }
        Self { resource_types: file.resource_types, types, nodes, value_sets, sets, search }
    }
}

impl TypeNode {
    /// The name of the type; `BackboneElement` for an element without a type of its own.
    pub(crate) fn type_name(&self) -> &str {
        if self.path.contains('.') { "BackboneElement" } else { &self.path }
    }

    /// The names of its JSON members, in the order of the definition.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.elements.iter().flat_map(|element| element.keys.iter().map(String::as_str))
    }

    /// The element of a JSON member, and the member's content.
    pub(crate) fn element(&self, key: &str) -> Option<(&Element, &Member)> {
        let member = self.members.get(key)?;
        Some((self.elements.get(member.element)?, member))
    }

    /// The type that a JSON member of a choice element names: `valueDateTime` is a `dateTime` of `value`.
    pub(crate) fn choice_type(&self, name: &str, key: &str) -> Option<&str> {
        let (element, member) = self.element(key)?;
        (element.is_choice && element.name == name).then_some(&member.type_name)
    }

    fn add(
        &mut self,
        root: &str,
        path: &str,
        read: &ReadElement,
        by_path: &HashMap<String, usize>,
        sets: &HashMap<String, usize>,
    ) {
        let name = path.rsplit('.').next().unwrap_or(path);
        let (name, is_choice) = name.strip_suffix("[x]").map_or((name, false), |name| (name, true));
        let own =
            read.content.as_ref().map_or_else(|| path.to_owned(), |content| format!("{root}.{content}"));
        let inner = by_path.get(&own).copied();
        let types = if inner.is_some() { vec!["BackboneElement".to_owned()] } else { read.types.clone() };
        let mut keys = Vec::with_capacity(types.len());
        for given in &types {
            let (type_name, targets) = given.split_once('(').unwrap_or((given, ""));
            let targets = targets.trim_end_matches(')').split('|').filter(|target| !target.is_empty());
            let Some(content) = content(type_name, inner, by_path) else { continue };
            let key = if is_choice { format!("{name}{}", capitalised(type_name)) } else { name.to_owned() };
            let (element, type_name) = (self.elements.len(), type_name.to_owned());
            let member =
                Member { element, type_name, content, targets: targets.map(str::to_owned).collect() };
            keys.push(key.clone());
            self.members.insert(key, member);
        }
        let binding = read.binding.as_ref().and_then(|(strength, url)| {
            let set = *sets.get(url)?;
            Some(Binding { is_required: strength == "required", url: url.clone(), set })
        });
        let (is_required, is_list) = (read.min > 0, read.max != "1");
        let is_essential = is_required || read.modifier;
        let weight = Weight { is_summary: read.summary || is_essential, is_essential };
        let name = name.to_owned();
        self.elements.push(Element { name, is_choice, keys, is_required, is_list, weight, binding });
    }
}

fn content(
    type_name: &str,
    inner: Option<usize>,
    by_path: &HashMap<String, usize>,
) -> Option<ElementContent> {
    let found = match (inner, type_name) {
        (Some(inner), _) => ElementContent::Node(inner),
        (None, "Resource") => ElementContent::Resource,
        (None, "xhtml") => ElementContent::Xhtml,
        (None, _) => match Primitive::of_type(type_name) {
            Some(primitive) => ElementContent::Primitive(primitive),
            None => ElementContent::Node(*by_path.get(type_name)?),
        },
    };
    Some(found)
}

/// `dateTime` as in `valueDateTime`.
pub(crate) fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    resource_types: HashSet<String>,
    types: HashMap<String, ReadType>,
    value_sets: HashMap<String, Option<HashMap<String, Vec<String>>>>,
}

#[derive(Deserialize)]
struct ReadType {
    kind: String,
    #[serde(default)]
    shape: bool,
    elements: Vec<ReadElement>,
    #[serde(default)]
    search: SearchParameters,
}

#[derive(Deserialize)]
struct ReadElement {
    path: String,
    #[serde(default)]
    min: u32,
    #[serde(default = "one")]
    max: String,
    #[serde(default)]
    types: Vec<String>,
    content: Option<String>,
    #[serde(default)]
    summary: bool,
    #[serde(default)]
    modifier: bool,
    binding: Option<(String, String)>,
}

fn one() -> String {
    "1".to_owned()
}

#[cfg(test)]
mod tests {
    use super::{ElementContent, Primitive, open_choice, r4, type_node};

    #[test]
    fn r4_definitions_are_read_and_every_member_resolves() {
        assert!(r4().is_resource_type("Consent") && r4().is_resource_type("Observation"));
        assert!(!r4().is_resource_type("DomainResource") && !r4().is_resource_type("Period"));
        for node in &r4().nodes {
            assert!(!node.elements.is_empty(), "{}", node.path);
            for (index, element) in node.elements.iter().enumerate() {
                let leads = node.members.values().any(|member| member.element == index);
                assert!(leads, "{} {}", node.path, element.name);
            }
        }
    }

    fn element(of: &str, name: &str) -> (bool, ElementContent) {
        let (element, member) = type_node(of).unwrap().element(name).unwrap();
        (element.is_list, member.content)
    }

    #[test]
    fn element_definitions_have_cardinality_and_type() {
        let primitive = |repeats, kind| (repeats, ElementContent::Primitive(kind));
        assert_eq!(element("Patient", "id"), primitive(false, Primitive::Id));
        assert_eq!(element("Patient", "birthDate"), primitive(false, Primitive::Date));
        assert_eq!(element("HumanName", "given"), primitive(true, Primitive::String));
        assert_eq!(element("Bundle", "total"), primitive(false, Primitive::UnsignedInt));
        assert_eq!(element("Extension", "valueDecimal"), primitive(false, Primitive::Decimal));
        assert_eq!(element("Narrative", "div"), (false, ElementContent::Xhtml));
        assert_eq!(element("Patient", "contained"), (true, ElementContent::Resource));
        assert!(type_node("Patient").unwrap().element("pateint").is_none());
        let names: Vec<_> = type_node("RelatedPerson").unwrap().names().take(6).collect();
        assert_eq!(names, ["id", "meta", "implicitRules", "language", "text", "contained"]);
    }

    #[test]
    fn a_choice_names_its_type() {
        assert_eq!(open_choice("deceased", "deceasedDateTime"), Some("dateTime"));
        assert_eq!(open_choice("value", "valueCodeableConcept"), Some("CodeableConcept"));
        assert_eq!(open_choice("status", "statusReason"), None);
        let patient = type_node("Patient").unwrap();
        assert_eq!(patient.choice_type("deceased", "deceasedBoolean"), Some("boolean"));
        assert_eq!(patient.choice_type("deceased", "deceasedInteger"), None);
        assert_eq!(patient.choice_type("birth", "birthDate"), None);
    }

    /// XML and `FHIRPath` need the shape of every type; the validator has rules for some.
    #[test]
    fn the_shape_of_every_resource_type_is_known() {
        for name in &r4().resource_types {
            assert!(
                type_node(name).is_some_and(|node| node.is_resource && node.element("meta").is_some()),
                "{name}"
            );
        }
        assert!(
            type_node("Consent").unwrap().is_validated && !type_node("Observation").unwrap().is_validated
        );
    }

    /// The npm package has elements of Medplum's server beside those of R4.
    #[test]
    fn elements_outside_r4_are_unknown() {
        let has = |path: &str, name: &str| r4().type_node(path).unwrap().members.contains_key(name);
        assert!(has("Meta", "versionId") && has("Binary", "data"));
        for name in ["project", "author", "onBehalfOf", "account", "accounts", "compartment"] {
            assert!(!has("Meta", name), "{name}");
        }
        assert!(
            !has("Binary", "url") && !has("ResearchStudy", "result") && !has("DeviceDefinition", "bodySite")
        );
        assert!(!r4().is_resource_type("SubscriptionStatus"));
        let observer = r4().nodes.iter().find(|node| node.path == "AuditEvent.source").unwrap();
        assert_eq!(observer.members["observer"].targets.len(), 6);
    }

    #[test]
    fn choices_and_repeated_content_are_resolved() {
        let node = r4().type_node("Extension").unwrap();
        assert!(node.members.contains_key("valueCodeableConcept") && node.members.contains_key("valueUrl"));
        let provision = |path: &str| r4().nodes.iter().position(|node| node.path == path).unwrap();
        let nested = &r4().node(provision("Consent.provision")).unwrap().members["provision"].content;
        assert!(matches!(nested, ElementContent::Node(index) if *index == provision("Consent.provision")));
    }
}
