//! XML as elements with the three attributes that FHIR has, validated before any other code reads it.
//!
//! Nothing here is recursive: the depth of a document costs no stack. Constructs that FHIR does not use
//! (document types, entities, processing instructions, CDATA) are refused, and with them every known attack
//! on XML.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use super::fault::{FHIR, XmlFault, check_narrative};
use crate::xhtml::{XHTML, is_char};

const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
const MOST_ATTRIBUTES: usize = 16;

/// An element of FHIR.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) id: Option<String>,
    pub(super) url: Option<String>,
    pub(super) value: Option<String>,
    /// The whole `div`, where it is the XHTML of a narrative.
    pub(super) xhtml: Option<String>,
    pub(super) children: Vec<Node>,
}

pub(super) fn parse(text: &str, max_depth: usize) -> Result<Node, XmlFault> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if !text.chars().all(is_char) {
        return Err(XmlFault::Malformed);
    }
    // Every line end is normalised to a line feed first (XML 1.0 §2.11).
    let normalised = text.contains('\r').then(|| text.replace("\r\n", "\n").replace('\r', "\n"));
    let text = normalised.as_deref().unwrap_or(text);
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_comments = true;
    let mut tree = Tree { open: Vec::new(), root: None };
    loop {
        let from = reader.buffer_position();
        match reader.read_event().or(Err(XmlFault::Malformed))? {
            Event::Start(start) => {
                if tree.open.len() >= max_depth {
                    return Err(XmlFault::TooDeep);
                }
                if is_narrative(&reader, &start) {
                    reader.read_to_end(start.name()).or(Err(XmlFault::Malformed))?;
                    let xhtml = span(text, from, reader.buffer_position())?;
                    check_narrative(xhtml)?;
                    let xhtml = Some(xhtml.to_owned());
                    tree.close(Node { name: "div".to_owned(), xhtml, ..Node::default() })?;
                } else {
                    tree.open.push(open(&reader, &start)?);
                }
            }
            Event::End(_) => {
                let node = tree.open.pop().ok_or(XmlFault::Malformed)?;
                tree.close(node)?;
            }
            Event::Text(text) if text.trim_ascii().is_empty() => {}
            Event::Text(_) | Event::GeneralRef(_) => return Err(XmlFault::Text),
            Event::Comment(_) => {}
            Event::Decl(declaration) if from == 0 => check_declaration(&declaration)?,
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::CData(_) => {
                return Err(XmlFault::Forbidden);
            }
            Event::Eof if tree.open.is_empty() => return tree.root.ok_or(XmlFault::Malformed),
            Event::Eof | Event::Empty(_) => return Err(XmlFault::Malformed),
        }
    }
}

struct Tree {
    open: Vec<Node>,
    root: Option<Node>,
}

impl Tree {
    fn close(&mut self, node: Node) -> Result<(), XmlFault> {
        match (self.open.last_mut(), &self.root) {
            (Some(above), _) => above.children.push(node),
            (None, None) if node.xhtml.is_none() => self.root = Some(node),
            (None, None) => return Err(XmlFault::Namespace),
            (None, Some(_)) => return Err(XmlFault::Malformed),
        }
        Ok(())
    }
}

fn span(text: &str, from: u64, to: u64) -> Result<&str, XmlFault> {
    let from = usize::try_from(from).or(Err(XmlFault::Malformed))?;
    let to = usize::try_from(to).or(Err(XmlFault::Malformed))?;
    text.get(from..to).ok_or(XmlFault::Malformed)
}

fn is_narrative(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> bool {
    let (namespace, name) = reader.resolver().resolve_element(start.name());
    name.into_inner() == "div" && namespace == ResolveResult::Bound(Namespace(XHTML))
}

fn open(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<Node, XmlFault> {
    let (namespace, name) = reader.resolver().resolve_element(start.name());
    if namespace != ResolveResult::Bound(Namespace(FHIR)) {
        return Err(XmlFault::Namespace);
    }
    let name = name.into_inner();
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric());
    if !is_name {
        return Err(XmlFault::Element);
    }
    let mut node = Node { name: name.to_owned(), ..Node::default() };
    for (count, attribute) in start.attributes().enumerate() {
        let attribute = attribute.or(Err(XmlFault::Malformed))?;
        if count >= MOST_ATTRIBUTES || attribute.value.contains('<') {
            return Err(XmlFault::Malformed);
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).or(Err(XmlFault::Forbidden))?;
        if !value.chars().all(is_char) {
            return Err(XmlFault::Malformed);
        }
        let slot = match attribute.key.into_inner() {
            "id" => &mut node.id,
            "url" => &mut node.url,
            "value" => &mut node.value,
            key if key == "xmlns" || key.starts_with("xmlns:") || is_schema_hint(reader, &attribute) => {
                continue;
            }
            _ => return Err(XmlFault::Attribute),
        };
        if value.is_empty() {
            return Err(XmlFault::Empty);
        }
        *slot = Some(value.into_owned());
    }
    Ok(node)
}

/// `xsi:schemaLocation` and the like are hints that editors add; they are ignored.
fn is_schema_hint(
    reader: &NsReader<&[u8]>,
    attribute: &quick_xml::events::attributes::Attribute<'_>,
) -> bool {
    let (namespace, _) = reader.resolver().resolve_attribute(attribute.key);
    namespace == ResolveResult::Bound(Namespace(SCHEMA_INSTANCE))
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), XmlFault> {
    let version = declaration.version().or(Err(XmlFault::Malformed))?;
    let encoding = declaration.encoding().transpose().or(Err(XmlFault::Malformed))?;
    let utf8 = encoding.is_none_or(|encoding| encoding.eq_ignore_ascii_case("utf-8"));
    if version == "1.0" && utf8 { Ok(()) } else { Err(XmlFault::Forbidden) }
}
