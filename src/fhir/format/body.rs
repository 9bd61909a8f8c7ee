//! The format of a body, by its `ElementContent-Type` (G-06, G-07, R-30, R-38).

use super::media::{Format, MediaFault};
use super::media_type::MediaType;

/// The format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// A resource in JSON.
    Json,
    /// A resource in XML.
    Xml,
    /// A JSON Patch (RFC 6902).
    JsonPatch,
    /// The parameters of a search (`POST …/_search`).
    Form,
}

/// Parses a `ElementContent-Type`. The interaction decides which formats it accepts.
///
/// # Errors
///
/// [`MediaFault`], each of them 415: no or another media type, another charset than UTF-8, another FHIR
/// version.
pub fn body_format(content_type: Option<&str>) -> Result<BodyFormat, MediaFault> {
    let media_type = content_type.and_then(MediaType::parse).ok_or(MediaFault::Unsupported)?;
    let format = match media_type.essence.as_str() {
        "application/json-patch+json" => BodyFormat::JsonPatch,
        "application/x-www-form-urlencoded" => BodyFormat::Form,
        "application/merge-patch+json" => return Err(MediaFault::MergePatch),
        essence => match Format::named(essence) {
            Some(Format::Json) => BodyFormat::Json,
            Some(Format::Xml) => BodyFormat::Xml,
            None => return Err(MediaFault::Unsupported),
        },
    };
    let charset = media_type.parameter("charset");
    if !charset
        .is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8"))
    {
        return Err(MediaFault::Charset);
    }
    if media_type.is_our_version() { Ok(format) } else { Err(MediaFault::Version) }
}

#[cfg(test)]
mod tests {
    use super::super::MediaFault;
    use super::{BodyFormat, body_format};

    /// G-07; R-30: a charset on a patch is accepted, as fhirclient.js sends it.
    #[test]
    fn content_type_selects_the_body_format() {
        for (header, format) in [
            ("application/fhir+json", BodyFormat::Json),
            ("application/json", BodyFormat::Json),
            ("text/json;charset=\"UTF-8\"", BodyFormat::Json),
            ("Application/FHIR+JSON ; charset=utf-8 ; fhirVersion=4.0", BodyFormat::Json),
            ("application/fhir+xml; charset=UTF-8", BodyFormat::Xml),
            ("text/xml", BodyFormat::Xml),
            ("application/json-patch+json; charset=UTF-8", BodyFormat::JsonPatch),
            ("application/x-www-form-urlencoded", BodyFormat::Form),
        ] {
            assert_eq!(body_format(Some(header)), Ok(format), "{header}");
        }
    }

    /// G-06, G-07, R-38.
    #[test]
    fn unsupported_content_type_is_415() {
        for (header, fault) in [
            (None, MediaFault::Unsupported),
            (Some(""), MediaFault::Unsupported),
            (Some("json"), MediaFault::Unsupported),
            (Some("text/plain"), MediaFault::Unsupported),
            (Some("multipart/form-data; boundary=x"), MediaFault::Unsupported),
            (Some("application/json; charset"), MediaFault::Unsupported),
            (Some("application/merge-patch+json"), MediaFault::MergePatch),
            (Some("application/fhir+json; charset=iso-8859-1"), MediaFault::Charset),
            (Some("application/fhir+json; fhirVersion=3.0"), MediaFault::Version),
            (Some("application/fhir+json; fhirVersion=5.0"), MediaFault::Version),
        ] {
            assert_eq!(body_format(header), Err(fault), "{header:?}");
            assert_eq!(fault.status(), 415);
        }
    }
}
