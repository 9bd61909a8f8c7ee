//! `Subscription.channel.payload`: the media type of notifications, with no other FHIR version than this
//! server's (N-29).

use super::refusal::unsupported;
use crate::refusal::Refusal;
use domain::event::{Payload, Style};

const AT: &str = "Subscription.channel.payload";
/// The parameter with the FHIR version.
const VERSIONED: &str = "; fhirVersion=4.0";

/// Reads the media type.
pub(super) fn read(text: &str, style: Style) -> Result<Payload, Refusal> {
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let message = match style {
        Style::National => "The payload must be application/json (the CloudEvent) or application/fhir+json.",
        Style::Backport | Style::Classic => {
            "The payload must be application/fhir+json or application/fhir+xml."
        }
    };
    let payload = Payload::parse(&essence).ok_or_else(|| unsupported(message, AT))?;
    let fits = match style {
        Style::National => payload != Payload::FhirXml,
        Style::Backport | Style::Classic => payload != Payload::CloudEvent,
    };
    if !fits {
        return Err(unsupported(message, AT));
    }
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "fhirversion" if value == "4.0" && payload != Payload::CloudEvent => {}
            "fhirversion" => {
                let message = "Notifications are only in FHIR 4.0: fhirVersion=4.0.";
                return Err(unsupported(message, AT));
            }
            "charset" if value.eq_ignore_ascii_case("utf-8") => {}
            _ => return Err(unsupported("This parameter of the media type is not supported.", AT)),
        }
    }
    Ok(payload)
}

/// The media type of the notifications, with the version where it was given.
pub(super) fn render(payload: Payload, given: &str) -> String {
    let is_versioned = given.to_ascii_lowercase().contains("fhirversion");
    format!("{}{}", payload.as_str(), if is_versioned { VERSIONED } else { "" })
}

#[cfg(test)]
mod tests {
    use super::{read, render};
    use domain::event::{Payload, Style};

    // covers N-29
    #[test]
    fn payload_is_a_media_type_of_its_subscription_style_and_fhir_version() {
        for (style, text, expected) in [
            (Style::Backport, "application/fhir+json", Some(Payload::FhirJson)),
            (Style::Backport, "application/fhir+xml;fhirVersion=4.0", Some(Payload::FhirXml)),
            (Style::Backport, "Application/FHIR+JSON; fhirVersion=\"4.0\"", Some(Payload::FhirJson)),
            (Style::Backport, "application/fhir+json; fhirVersion=5.0", None),
            (Style::Backport, "application/fhir+json; fhirVersion", None),
            (Style::Backport, "application/fhir+json; colour=red", None),
            (Style::Backport, "application/json", None),
            (Style::Backport, "text/plain", None),
            (Style::Backport, "", None),
            (Style::Classic, "application/json", None),
            (Style::Classic, "application/fhir+xml", Some(Payload::FhirXml)),
            (Style::National, "application/json", Some(Payload::CloudEvent)),
            (Style::National, "application/json; fhirVersion=4.0", None),
            (Style::National, "application/fhir+json", Some(Payload::FhirJson)),
            (Style::National, "application/fhir+xml", None),
        ] {
            assert_eq!(read(text, style).ok(), expected, "{style:?} {text}");
        }
        assert_eq!(render(Payload::FhirXml, "application/fhir+xml"), "application/fhir+xml");
        let versioned = "application/fhir+json; fhirVersion=4.0";
        assert_eq!(render(Payload::FhirJson, "application/fhir+json;FHIRversion=4.0"), versioned);
    }
}
