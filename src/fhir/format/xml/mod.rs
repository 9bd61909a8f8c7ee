//! XML, in and out (<https://hl7.org/fhir/R4/xml.html>).
//!
//! fhirbolt's XML has no depth limit (a body could abort the process), takes a truncated document for a
//! complete one, and merges the words of a narrative. This is our own: quick-xml finds the tags, [`tree`]
//! judges them, [`crate::xhtml`] reads the narratives, and the R4 shapes say what is a list and what is a number. A narrative passes unchanged,
//! letter for letter, but for the ends of its lines.

mod fault;
mod read;
mod tree;
mod write;

use serde_json::Value;

use base::held;
pub use fault::XmlFault;

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

#[cfg(test)]
mod tests;
