//! Faults of XML documents, and the namespace of FHIR.

use crate::xhtml;

/// Why a document is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlFault {
    /// It is not UTF-8, or not well-formed, or truncated, or has trailing content.
    #[error("the body is not well-formed XML")]
    Malformed,
    /// It nests deeper than the limit.
    #[error("the XML is nested too deeply")]
    TooDeep,
    /// A document type, an entity, a processing instruction, a CDATA section, or another encoding.
    #[error("the XML has a document type, an entity, a processing instruction or CDATA, which FHIR forbids")]
    Forbidden,
    /// An element in another namespace than FHIR's.
    #[error("every element of the XML must be in the namespace http://hl7.org/fhir")]
    Namespace,
    /// Text where FHIR has only elements and attributes.
    #[error("the XML has text outside a narrative: values are attributes in FHIR")]
    Text,
    /// An attribute that FHIR does not have there.
    #[error("the XML has an attribute that FHIR does not have there")]
    Attribute,
    /// An element that has no place in a resource, such as two resources where one is allowed.
    #[error("the XML has an element where FHIR has none")]
    Element,
    /// An element or attribute that is empty.
    #[error("the XML has an empty element or an empty value")]
    Empty,
    /// The narrative is not a `div` of XHTML that is valid by itself.
    #[error(
        "the narrative must be one XHTML div with the default namespace http://www.w3.org/1999/xhtml and no entities"
    )]
    Narrative,
}

/// The namespace of FHIR.
pub(super) const FHIR: &str = "http://hl7.org/fhir";

/// Checks that the `div` of a narrative is valid by itself. The validator checks its tags.
pub(super) fn check_narrative(div: &str) -> Result<(), XmlFault> {
    xhtml::stands_alone(div).map_err(|fault| match fault {
        xhtml::XhtmlFault::Character => XmlFault::Malformed,
        xhtml::XhtmlFault::TooDeep => XmlFault::TooDeep,
        xhtml::XhtmlFault::Forbidden => XmlFault::Forbidden,
        xhtml::XhtmlFault::NotFormed | xhtml::XhtmlFault::Namespace | xhtml::XhtmlFault::NotAllowed => {
            XmlFault::Narrative
        }
    })
}
