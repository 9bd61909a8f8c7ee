//! Content negotiation: `_format` if present, else `Accept`, else JSON (G-04, G-05, G-06).

use super::media::{Format, MediaFault};
use super::media_type::{MediaType, split};

/// Chooses the format of the response.
///
/// `accept` is the header, several of them joined by commas; `format` is the decoded `_format` parameter.
///
/// # Errors
///
/// [`MediaFault::NotAcceptable`] or [`MediaFault::NotAcceptableVersion`].
pub fn negotiate(accept: Option<&str>, format: Option<&str>) -> Result<Format, MediaFault> {
    let format = format.map(str::trim).filter(|format| !format.is_empty());
    let accept = accept.map(str::trim).filter(|accept| !accept.is_empty());
    match (format, accept) {
        (Some(format), _) => by_parameter(format),
        (None, Some(accept)) => by_header(accept),
        (None, None) => Ok(Format::Json),
    }
}

fn by_parameter(format: &str) -> Result<Format, MediaFault> {
    let (essence, parameters) = format.split_once(';').unwrap_or((format, ""));
    // `+` means a space in a query: `application/fhir+json` often arrives as `application/fhir json`.
    let essence = match essence.trim().to_ascii_lowercase().replace(' ', "+").as_str() {
        "json" => "application/json".to_owned(),
        "xml" => "application/xml".to_owned(),
        other => other.to_owned(),
    };
    by_header(&format!("{essence};{parameters}"))
}

fn by_header(accept: &str) -> Result<Format, MediaFault> {
    let ranges: Vec<Range> = split(accept, ',').into_iter().filter_map(Range::parse).collect();
    let (ours, others): (Vec<_>, Vec<_>) =
        ranges.into_iter().partition(|range| range.media_type.is_our_version());
    // A browser names XML before `*/*`, and displays JSON better.
    let is_browser = ours.iter().any(|range| range.media_type.essence == "text/html" && range.quality > 0);
    let (json, xml) = (wish(&ours, Format::Json), wish(&ours, Format::Xml));
    if json.quality == 0 && xml.quality == 0 {
        let other_version =
            others.iter().any(|range| range.reach(Format::Json).max(range.reach(Format::Xml)) > 0);
        return Err(if other_version { MediaFault::NotAcceptableVersion } else { MediaFault::NotAcceptable });
    }
    let xml_first = xml.quality > json.quality
        || (xml.quality == json.quality
            && xml.reach > 0
            && (xml.reach, json.place) > (json.reach, xml.place));
    let keep_json = json.quality > 0 && is_browser;
    Ok(if xml_first && !keep_json { Format::Xml } else { Format::Json })
}

/// The caller's preference for a format.
struct Wish {
    /// In thousandths; 0 is not at all.
    quality: u16,
    /// How specifically the range names it.
    reach: u8,
    /// Its position in the header.
    place: usize,
}

/// The preference for a format: that of the most specific range, the highest quality among equally specific
/// ones.
fn wish(ranges: &[Range], format: Format) -> Wish {
    let mut best = Wish { quality: 0, reach: 0, place: usize::MAX };
    for (place, range) in ranges.iter().enumerate() {
        let reach = range.reach(format);
        if reach > best.reach || (reach == best.reach && reach > 0 && range.quality > best.quality) {
            best = Wish { quality: range.quality, reach, place };
        }
    }
    best
}

struct Range {
    media_type: MediaType,
    quality: u16,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        // Old Java clients send a bare `*`.
        let text = text.trim();
        let all = text.strip_prefix('*').filter(|rest| rest.is_empty() || rest.starts_with(';'));
        let media_type = match all {
            Some(rest) => MediaType::parse(&format!("*/*{rest}"))?,
            None => MediaType::parse(text)?,
        };
        let quality = media_type.parameter("q").map_or(Some(1000), quality)?;
        Some(Self { media_type, quality })
    }

    /// 3 where the range names the format, 2 where it covers its kind, 1 where it covers all, 0 where none.
    fn reach(&self, format: Format) -> u8 {
        match self.media_type.essence.as_str() {
            "*/*" => 1,
            "application/*" | "text/*" => 2,
            essence if Format::named(essence) == Some(format) => 3,
            _ => 0,
        }
    }
}

/// A quality in thousandths; some clients omit the leading zero.
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{fraction:0<3}");
    if fraction.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    match (whole, digits.parse::<u16>()) {
        ("1", _) => Some(1000),
        ("0", Ok(thousandths)) => Some(thousandths),
        ("", Ok(thousandths)) if !fraction.is_empty() => Some(thousandths),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, MediaFault};
    use super::negotiate;

    fn accept(accept: &str) -> Result<Format, MediaFault> {
        negotiate(Some(accept), None)
    }

    fn format(format: &str) -> Result<Format, MediaFault> {
        negotiate(Some("text/html"), Some(format))
    }

    /// G-04.
    #[test]
    fn accept_header_selects_the_response_format() {
        assert_eq!(negotiate(None, None), Ok(Format::Json));
        for header in [
            "",
            "*/*",
            "*",
            "application/*",
            "text/*",
            "application/fhir+json",
            "Application/JSON",
            "text/json",
            "application/fhir+json; charset=utf-8",
            "application/fhir+json, */*; q=0.1",
            "application/json, text/plain, */*",
            "application/xml;q=0.5, application/json;q=0.6",
            "application/fhir+json, application/fhir+xml",
            "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "application/fhir+xml;q=0, */*",
            "application/fhir+json;profile=http://hl7.org/fhir/StructureDefinition/Patient, text/html",
            "application/fhir+json;;q=0.5",
            "application/fhir+xml; q = 0.5, application/fhir+json",
            "text/html;note=\"a,b;q=1\", application/json;q=0.1",
        ] {
            assert_eq!(accept(header), Ok(Format::Json), "{header}");
        }
        for header in [
            "application/fhir+xml",
            "text/xml",
            "application/xml, application/json;q=0.9",
            "application/fhir+xml, application/fhir+json",
            "application/fhir+json;q=0.1, application/fhir+xml;q=0.2",
            "application/fhir+json;q=0, */*",
            "application/fhir+xml;q=1.0, application/fhir+json;q=1.0",
            "application/xml;q=0.5, */*;q=0.5",
        ] {
            assert_eq!(accept(header), Ok(Format::Xml), "{header}");
        }
        for header in [
            "text/html",
            "image/png, text/turtle",
            "application/fhir+turtle",
            "nonsense",
            "*/*;q=0",
            "application/json;q=x",
        ] {
            assert_eq!(accept(header), Err(MediaFault::NotAcceptable), "{header}");
        }
    }

    /// G-05.
    #[test]
    fn format_parameter_overrides_accept() {
        for name in [
            "json",
            "JSON",
            "application/json",
            "application/fhir+json",
            "application/fhir json",
            "text/json",
            "application/fhir+json; charset=utf-8",
        ] {
            assert_eq!(format(name), Ok(Format::Json), "{name}");
        }
        for name in [
            "xml",
            "application/xml",
            "text/xml",
            "application/fhir+xml",
            "application/fhir xml",
            "application/fhir+xml;fhirVersion=4.0",
        ] {
            assert_eq!(format(name), Ok(Format::Xml), "{name}");
        }
        for name in ["html", "text/html", "ttl", "turtle", "x y z", "js;on"] {
            assert_eq!(format(name), Err(MediaFault::NotAcceptable), "{name}");
        }
        assert_eq!(negotiate(Some("application/fhir+xml"), Some("")), Ok(Format::Xml));
    }

    /// G-06.
    #[test]
    fn only_fhir_version_4_0_is_acceptable() {
        assert_eq!(accept("application/fhir+json; fhirVersion=4.0"), Ok(Format::Json));
        assert_eq!(accept("application/fhir+json; fhirVersion=\"4.0\""), Ok(Format::Json));
        assert_eq!(
            accept("application/fhir+json;fhirVersion=5.0, application/fhir+xml;fhirVersion=4.0"),
            Ok(Format::Xml)
        );
        for version in ["3.0", "5.0", "4.0.1", "4.3"] {
            let header = format!("application/fhir+json; fhirVersion={version}");
            assert_eq!(accept(&header), Err(MediaFault::NotAcceptableVersion), "{header}");
            assert_eq!(format(&format!("json;fhirVersion={version}")), Err(MediaFault::NotAcceptableVersion));
        }
        assert_eq!(MediaFault::NotAcceptableVersion.status(), 406);
    }

    proptest::proptest! {
        #[test]
        fn parsing_any_header_never_panics(accept in r#"[a-z/*;=,"\\.0-9 +]{0,60}|\PC{0,30}"#) {
            let _either = negotiate(Some(&accept), None);
            let _either = negotiate(None, Some(&accept));
        }
    }
}
