//! XML, in and out (<https://hl7.org/fhir/R4/xml.html>).
//!
//! fhirbolt's XML has no depth limit (a body could abort the process), takes a truncated document for a
//! complete one, and merges the words of a narrative. This is our own: quick-xml finds the tags, [`tree`]
//! judges them, [`crate::xhtml`] reads the narratives, and the R4 shapes say what is a list and what is a number. A narrative passes unchanged,
//! letter for letter, but for the ends of its lines.

mod read;
mod tree;
mod write;

use serde_json::Value;

use crate::xhtml;
use base::held;

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlFault {
    /// It is not UTF-8, or not well-formed, or cut off, or something follows its end.
    #[error("the body is not well-formed XML")]
    Malformed,
    /// It nests deeper than the limit.
    #[error("the XML is nested too deeply")]
    TooDeep,
    /// A document type, an entity, a processing instruction, a CDATA section, or another encoding.
    #[error("the XML has a document type, an entity, a processing instruction or CDATA, which FHIR forbids")]
    Forbidden,
    /// An element that belongs to another namespace than FHIR's.
    #[error("every element of the XML must be in the namespace http://hl7.org/fhir")]
    Namespace,
    /// Text where FHIR has only elements and attributes.
    #[error("the XML has text outside a narrative: values are attributes in FHIR")]
    Text,
    /// An attribute that FHIR does not have there.
    #[error("the XML has an attribute that FHIR does not have there")]
    Attribute,
    /// An element that can have no place in a resource, such as two resources where one may stand.
    #[error("the XML has an element where FHIR has none")]
    Element,
    /// An element or attribute that is empty.
    #[error("the XML has an empty element or an empty value")]
    Empty,
    /// The narrative is not a `div` of XHTML that could stand alone.
    #[error(
        "the narrative must be one XHTML div with the default namespace http://www.w3.org/1999/xhtml and no entities"
    )]
    Narrative,
}

/// The namespace of FHIR.
const FHIR: &str = "http://hl7.org/fhir";
/// The namespace of a narrative.
pub(crate) const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// Reads and judges a resource. The answer is FHIR JSON; whether it is valid is for the validator to say.
///
/// # Errors
///
/// [`XmlFault`], the first that is met.
pub fn parse(bytes: &[u8], max_depth: usize) -> Result<Value, XmlFault> {
    let text = std::str::from_utf8(bytes).or(Err(XmlFault::Malformed))?;
    parse_text(text, max_depth)
}

/// The same for text.
///
/// # Errors
///
/// [`XmlFault`], the first that is met.
pub fn parse_text(text: &str, max_depth: usize) -> Result<Value, XmlFault> {
    held::check(|| text.len());
    read::resource(&tree::parse(text, max_depth)?)
}

/// Writes a resource. Elements come in the order of their definition, as XML demands; what R4 does not
/// know comes last.
pub fn render(resource: &Value, pretty: bool) -> String {
    write::resource(resource, pretty)
}

/// Whether the `div` of a narrative can stand alone. Which tags it may use is for the validator to say.
fn check_narrative(div: &str) -> Result<(), XmlFault> {
    xhtml::stands_alone(div).map_err(|fault| match fault {
        xhtml::Fault::Character => XmlFault::Malformed,
        xhtml::Fault::TooDeep => XmlFault::TooDeep,
        xhtml::Fault::Forbidden => XmlFault::Forbidden,
        xhtml::Fault::NotFormed | xhtml::Fault::Namespace | xhtml::Fault::NotAllowed => XmlFault::Narrative,
    })
}

/// Whether XML 1.0 may have this character (<https://www.w3.org/TR/xml/#charsets>).
pub(crate) fn is_char(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests;
