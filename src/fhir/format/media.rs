//! The formats of resources, and why a request cannot be served in the ones that it names.

use crate::outcome::{Issue, IssueType};

/// A format of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/fhir+json`, the default.
    Json,
    /// `application/fhir+xml`.
    Xml,
}

impl Format {
    /// The `ElementContent-Type` of a response (G-06).
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/fhir+json; charset=UTF-8",
            Self::Xml => "application/fhir+xml; charset=UTF-8",
        }
    }

    /// The format of a media type without its parameters. Older names are accepted too: clients of DSTU2 send
    /// `application/json+fhir`.
    pub(super) fn named(essence: &str) -> Option<Self> {
        match essence {
            "application/fhir+json" | "application/json" | "text/json" | "application/json+fhir" => {
                Some(Self::Json)
            }
            "application/fhir+xml" | "application/xml" | "text/xml" | "application/xml+fhir" => {
                Some(Self::Xml)
            }
            _ => None,
        }
    }
}

/// Why a request cannot be served in the formats that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaFault {
    /// The caller accepts no format of this server.
    NotAcceptable,
    /// The caller accepts the formats in another FHIR version only.
    NotAcceptableVersion,
    /// The body has no media type, or one that is not supported.
    Unsupported,
    /// The body is a JSON Merge Patch.
    MergePatch,
    /// The body is not in UTF-8.
    Charset,
    /// The body is of another FHIR version.
    Version,
}

impl MediaFault {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::NotAcceptable | Self::NotAcceptableVersion => 406,
            Self::Unsupported | Self::MergePatch | Self::Charset | Self::Version => 415,
        }
    }

    /// The issue for the caller.
    pub fn issue(self) -> Issue {
        let sentence = match self {
            Self::NotAcceptable => {
                "Answers are application/fhir+json or application/fhir+xml: accept one of them."
            }
            Self::NotAcceptableVersion => {
                "Answers are FHIR 4.0: leave fhirVersion out of Accept and _format, or set it to 4.0."
            }
            Self::Unsupported => {
                "The Content-Type must name a format that this interaction takes, such as application/fhir+json."
            }
            Self::MergePatch => "JSON Merge Patch is not supported: send a JSON Patch or a FHIRPath Patch.",
            Self::Charset => "The body must be in UTF-8.",
            Self::Version => {
                "The body must be FHIR 4.0: leave fhirVersion out of Content-Type, or set it to 4.0."
            }
        };
        Issue::error(IssueType::NotSupported, sentence)
    }
}
