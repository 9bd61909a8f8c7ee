//! The `div` of a narrative: whether it is XHTML that can stand alone
//! (<https://hl7.org/fhir/R4/narrative.html>). Which tags it may use is for the validator to say.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use super::{XHTML, XmlFault, is_char};

const DEEPEST: usize = 100;
const MOST_ATTRIBUTES: usize = 32;

/// Judges a `div`, as it stands in JSON.
pub(super) fn judge(div: &str) -> Result<(), XmlFault> {
    let mut reader = NsReader::from_str(div);
    reader.config_mut().expand_empty_elements = true;
    let (mut depth, mut closed) = (0_usize, false);
    if !div.chars().all(is_char) {
        return Err(XmlFault::Malformed);
    }
    loop {
        match reader.read_event().or(Err(XmlFault::Narrative))? {
            Event::Start(start) => {
                let (namespace, name) = reader.resolver().resolve_element(start.name());
                let ours =
                    namespace == ResolveResult::Bound(Namespace(XHTML)) && start.name().prefix().is_none();
                if closed || !ours || (depth == 0 && name.into_inner() != "div") {
                    return Err(XmlFault::Narrative);
                }
                attributes(&start)?;
                depth += 1;
                if depth > DEEPEST {
                    return Err(XmlFault::TooDeep);
                }
            }
            Event::End(_) => {
                depth = depth.checked_sub(1).ok_or(XmlFault::Narrative)?;
                closed = depth == 0;
            }
            Event::Text(text) if depth > 0 || text.trim_ascii().is_empty() => {}
            Event::Comment(_) => {}
            Event::GeneralRef(entity) if depth > 0 => reference(&entity)?,
            Event::CData(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {
                return Err(XmlFault::Forbidden);
            }
            Event::Eof if closed => return Ok(()),
            Event::Text(_) | Event::GeneralRef(_) | Event::Eof | Event::Empty(_) => {
                return Err(XmlFault::Narrative);
            }
        }
    }
}

fn attributes(start: &BytesStart<'_>) -> Result<(), XmlFault> {
    for (count, attribute) in start.attributes().enumerate() {
        let attribute = attribute.or(Err(XmlFault::Narrative))?;
        let value =
            attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).or(Err(XmlFault::Narrative))?;
        let prefix = attribute.key.prefix().map(quick_xml::name::Prefix::into_inner);
        let strange = !matches!(prefix, None | Some("xml"));
        if count >= MOST_ATTRIBUTES || strange || attribute.value.contains('<') || !value.chars().all(is_char)
        {
            return Err(XmlFault::Narrative);
        }
    }
    Ok(())
}

/// Only the five entities of XML itself, and characters by number.
fn reference(entity: &BytesRef<'_>) -> Result<(), XmlFault> {
    match entity.resolve_char_ref() {
        Ok(Some(letter)) if is_char(letter) => Ok(()),
        Ok(None) if matches!(&**entity, "amp" | "lt" | "gt" | "quot" | "apos") => Ok(()),
        _ => Err(XmlFault::Narrative),
    }
}
