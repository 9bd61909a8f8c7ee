//! The formats of request and response bodies (<https://hl7.org/fhir/R4/http.html#mime-type>, checks G-04 to
//! G-11, R-38).
//!
//! The caller chooses by the `_format` parameter, or else by `Accept`; a body has its `ElementContent-Type`. Both
//! may name the FHIR version, and only 4.0 is supported.

mod body;
mod media;
mod media_type;
mod negotiate;
pub mod prefer;
pub mod xml;

use serde::Serialize;
use serde_json::Value;

pub use body::{BodyFormat, body_format};
pub use media::{Format, MediaFault};
pub use negotiate::negotiate;

use super::outcome::{Issue, IssueType};
use base::held;
use base::json;
use base::json::Allowed;

/// Parses a JSON Patch, at most this deep. It is not FHIR: an empty array, an empty object and `null` are
/// allowed (RFC 6902, section 3). The patched resource is validated afterwards.
///
/// # Errors
///
/// The issue to report.
pub fn read_json_patch(bytes: &[u8], depth: usize) -> Result<Value, Issue> {
    read_allowing(bytes, depth, Allowed { all_of_json: true, ..Allowed::default() })
}

/// Parses a resource, at most this deep. FHIR aligns a repeating primitive with its extensions by `null`
/// items.
///
/// # Errors
///
/// The issue to report.
pub fn read_json(bytes: &[u8], depth: usize) -> Result<Value, Issue> {
    read_allowing(bytes, depth, Allowed { null_items: true, ..Allowed::default() })
}

fn read_allowing(bytes: &[u8], depth: usize, allowed: Allowed) -> Result<Value, Issue> {
    held::check(|| bytes.len());
    json::parse_with(bytes, depth, allowed)
        .map_err(|fault| Issue::error(IssueType::Structure, fault.to_string()))
}

/// Formats a resource (`_pretty`: G-08).
pub fn render(resource: &Value, format: Format, pretty: bool) -> Vec<u8> {
    match format {
        Format::Json => render_json(resource, pretty),
        Format::Xml => xml::render(resource, pretty).into_bytes(),
    }
}

/// Formats as JSON what need not be a tree. Its keys must be texts.
pub fn render_json(resource: &impl Serialize, pretty: bool) -> Vec<u8> {
    // With text keys there is no error, and a Vec takes every byte.
    let rendered = if pretty { serde_json::to_vec_pretty(resource) } else { serde_json::to_vec(resource) };
    rendered.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Format, render};
    use serde_json::json;

    /// G-06, G-08.
    #[test]
    fn response_is_rendered_in_the_requested_format() {
        let resource = json!({ "resourceType": "Patient", "active": true });
        let text = |format, pretty| String::from_utf8(render(&resource, format, pretty)).unwrap();
        assert_eq!(text(Format::Json, false), r#"{"resourceType":"Patient","active":true}"#);
        assert_eq!(text(Format::Json, true), "{\n  \"resourceType\": \"Patient\",\n  \"active\": true\n}");
        assert!(text(Format::Xml, false).ends_with(r#"<active value="true"/></Patient>"#));
        assert!(text(Format::Xml, true).contains("\n  <active value=\"true\"/>\n"));
        assert_eq!(Format::Json.content_type(), "application/fhir+json; charset=UTF-8");
        assert_eq!(Format::Xml.content_type(), "application/fhir+xml; charset=UTF-8");
    }
}
