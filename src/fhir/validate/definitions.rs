//! The R4 definitions that the validator is driven by: types, their elements, and the codes of bound value
//! sets (<https://hl7.org/fhir/R4/elementdefinition.html>).
//!
//! They are read once from `definitions/r4.json` of this crate, which `generate.py` beside it extracts. Each JSON
//! member name leads straight to its element, so a document is judged in one walk.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::Weight;
use super::invariant::{self, Check};
use super::primitive::Primitive;

static R4: LazyLock<Definitions> = LazyLock::new(|| {
    // A file that cannot be read leaves nothing known, so nothing is accepted; a test reads it first.
    Definitions::read(include_str!("../definitions/r4.json")).unwrap_or_default()
});

/// The definitions of R4.
pub(super) fn r4() -> &'static Definitions {
    &R4
}

/// All definitions.
#[derive(Default)]
pub(super) struct Definitions {
    resource_types: HashSet<String>,
    types: HashMap<String, usize>,
    nodes: Vec<Node>,
    value_sets: Vec<Option<Codes>>,
    sets: HashMap<String, usize>,
    search: HashMap<String, SearchParameters>,
}

/// The search parameters of a type by name: their types and the canonical URLs of their definitions.
type SearchParameters = HashMap<String, (String, String)>;

/// A type, or an element that has elements of its own.
#[derive(Default)]
pub(super) struct Node {
    /// `Consent`, `Consent.provision`, `Period`.
    pub(super) path: String,
    /// Whether it is a resource.
    pub(super) is_resource: bool,
    /// What each JSON member means: `valueString` leads to `value[x]` as a string.
    pub(super) members: HashMap<String, Member>,
    /// Its elements, in order.
    pub(super) elements: Vec<Element>,
    /// The invariants of the type.
    pub(super) check: Option<Check>,
}

/// An element of a node.
pub(super) struct Element {
    /// Its name without `[x]`.
    pub(super) name: String,
    /// Whether it is a choice of types.
    pub(super) is_choice: bool,
    /// Whether it must be there.
    pub(super) is_required: bool,
    /// Whether it is an array in JSON.
    pub(super) is_list: bool,
    /// How much it matters.
    pub(super) weight: Weight,
    /// The codes that it may have.
    pub(super) binding: Option<Binding>,
}

/// What one JSON member holds.
pub(super) struct Member {
    /// The index of its element.
    pub(super) element: usize,
    /// The name of its type.
    pub(super) type_name: String,
    /// What stands in it.
    pub(super) content: Content,
}

/// What a value is made of.
pub(super) enum Content {
    /// A primitive type.
    Primitive(Primitive),
    /// A node, by its index.
    Node(usize),
    /// A Reference, and the types that it may point to; none stands for all.
    Reference(usize, Vec<String>),
    /// Any resource.
    Resource,
    /// A narrative's `div`.
    Xhtml,
}

/// A binding to a value set.
pub(super) struct Binding {
    /// Required: another code is an error. If not it is extensible: another code is a warning.
    pub(super) is_required: bool,
    /// The canonical URL of the set.
    pub(super) url: String,
    set: usize,
}

/// The codes of a value set, by system.
pub(super) struct Codes(HashMap<String, HashSet<String>>);

impl Codes {
    /// Whether any system has the code.
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.0.values().any(|codes| codes.contains(code))
    }

    /// Each code with its system.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(system, codes)| codes.iter().map(|code| (system.as_str(), code.as_str())))
    }

    /// Whether the system has the code.
    pub(super) fn has(&self, system: &str, code: &str) -> bool {
        self.0.get(system).is_some_and(|codes| codes.contains(code))
    }
}

impl FromIterator<(String, Vec<String>)> for Codes {
    fn from_iter<I: IntoIterator<Item = (String, Vec<String>)>>(systems: I) -> Self {
        Self(systems.into_iter().map(|(system, codes)| (system, codes.into_iter().collect())).collect())
    }
}

impl Definitions {
    /// Whether R4 has a resource type of this name.
    pub(super) fn is_resource_type(&self, name: &str) -> bool {
        self.resource_types.contains(name)
    }

    /// The node of a type.
    pub(super) fn type_node(&self, name: &str) -> Option<&Node> {
        self.node(*self.types.get(name)?)
    }

    /// A node by its index.
    pub(super) fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    /// The codes of a binding; `None` for a set that is not listed.
    pub(super) fn codes(&self, binding: &Binding) -> Option<&Codes> {
        self.value_sets.get(binding.set)?.as_ref()
    }

    /// The codes of a value set of R4; `None` for one that is not listed.
    pub(super) fn value_set(&self, url: &str) -> Option<&Codes> {
        self.value_sets.get(*self.sets.get(url)?)?.as_ref()
    }

    /// The canonical URL of the definition of a search parameter.
    pub(super) fn search_parameter(&self, resource_type: &str, name: &str) -> Option<&str> {
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
            value_sets.push(systems.map(Codes::from_iter));
        }
        let mut nodes: Vec<Node> = Vec::new();
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
                let check = invariant::of(&path);
                nodes.push(Node { path, is_resource, check, ..Node::default() });
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

impl Node {
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
        for given in &types {
            let (type_name, targets) = given.split_once('(').unwrap_or((given, ""));
            let targets = targets.trim_end_matches(')').split('|').filter(|target| !target.is_empty());
            let Some(content) = content(type_name, inner, targets.map(str::to_owned).collect(), by_path)
            else {
                continue;
            };
            let key = if is_choice { format!("{name}{}", capitalised(type_name)) } else { name.to_owned() };
            let member = Member { element: self.elements.len(), type_name: type_name.to_owned(), content };
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
        self.elements.push(Element { name, is_choice, is_required, is_list, weight, binding });
    }
}

fn content(
    type_name: &str,
    inner: Option<usize>,
    targets: Vec<String>,
    by_path: &HashMap<String, usize>,
) -> Option<Content> {
    let found = match (inner, type_name) {
        (Some(inner), _) => Content::Node(inner),
        (None, "Resource") => Content::Resource,
        (None, "xhtml") => Content::Xhtml,
        (None, "Reference") => Content::Reference(*by_path.get(type_name)?, targets),
        (None, _) => match Primitive::of_type(type_name) {
            Some(primitive) => Content::Primitive(primitive),
            None => Content::Node(*by_path.get(type_name)?),
        },
    };
    Some(found)
}

/// `dateTime` as it stands in `valueDateTime`.
pub(super) fn capitalised(name: &str) -> String {
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
    elements: Vec<ReadElement>,
    #[serde(default)]
    search: SearchParameters,
}

#[derive(Deserialize)]
struct ReadElement {
    path: String,
    min: u32,
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

#[cfg(test)]
mod tests {
    use super::{Content, r4};

    #[test]
    fn the_file_is_read_and_every_member_leads_somewhere() {
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

    /// The npm package has elements of Medplum's server beside those of R4.
    #[test]
    fn only_what_r4_defines_is_known() {
        let has = |path: &str, name: &str| r4().type_node(path).unwrap().members.contains_key(name);
        assert!(has("Meta", "versionId") && has("Binary", "data"));
        for name in ["project", "author", "onBehalfOf", "account", "accounts", "compartment"] {
            assert!(!has("Meta", name), "{name}");
        }
        assert!(!has("Binary", "url") && !r4().is_resource_type("SubscriptionStatus"));
        let observer = r4().nodes.iter().find(|node| node.path == "AuditEvent.source").unwrap();
        assert!(
            matches!(&observer.members["observer"].content, Content::Reference(_, targets) if targets.len() == 6)
        );
    }

    #[test]
    fn choices_and_repeated_content_are_resolved() {
        let node = r4().type_node("Extension").unwrap();
        assert!(node.members.contains_key("valueCodeableConcept") && node.members.contains_key("valueUrl"));
        let provision = |path: &str| r4().nodes.iter().position(|node| node.path == path).unwrap();
        let nested = &r4().node(provision("Consent.provision")).unwrap().members["provision"].content;
        assert!(matches!(nested, Content::Node(index) if *index == provision("Consent.provision")));
    }
}
