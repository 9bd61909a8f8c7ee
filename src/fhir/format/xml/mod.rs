//! XML, in and out (<https://hl7.org/fhir/R4/xml.html>).
//!
//! fhirbolt's XML has no depth limit (a body could abort the process), accepts a truncated document as
//! complete, and joins the words of a narrative. This is our own: quick-xml finds the tags, [`tree`]
//! validates them, [`crate::xhtml`] reads the narratives, and the R4 shapes say what is a list and what is a
//! number. A narrative is unchanged, letter for letter, except for the ends of its lines.

mod fault;
mod read;
mod tree;
mod write;

use serde_json::Value;

use base::held;
pub use fault::XmlFault;

/// Parses a resource to FHIR JSON. The validator checks it afterwards.
///
/// # Errors
///
/// [`XmlFault`], the first fault.
pub fn parse(bytes: &[u8], max_depth: usize) -> Result<Value, XmlFault> {
    let text = std::str::from_utf8(bytes).or(Err(XmlFault::Malformed))?;
    parse_text(text, max_depth)
}

/// As [`parse`], for text.
///
/// # Errors
///
/// [`XmlFault`], the first fault.
pub fn parse_text(text: &str, max_depth: usize) -> Result<Value, XmlFault> {
    held::check(|| text.len());
    read::resource(&tree::parse(text, max_depth)?)
}

/// Formats a resource. Elements are in the order of their definition, as XML demands; elements that R4 does
/// not know come last.
pub fn render(resource: &Value, pretty: bool) -> String {
    write::resource(resource, pretty)
}

#[cfg(test)]
mod tests;
