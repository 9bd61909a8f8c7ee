//! Media types in `Accept` and `ElementContent-Type` (RFC 9110 §8.3.1 and §12.5.1).
//!
//! Parsed here and not by a library: `mediatype` and `mime` refuse values that clients send and that we have
//! always accepted: a URL as a parameter's value without quotes, white space around `=`, an empty parameter.
//! A refused range is 406.

/// A media type or range, in lower case, with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaType {
    /// `application/fhir+json`, `text/*`, `*/*`.
    pub(super) essence: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Parses one; `None` for other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = split(text, ';').into_iter();
        let essence = parts.next()?.trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        let is_token = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&^_.+-*".contains(c))
        };
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let mut parameters = Vec::new();
        for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            parameters.push((name.trim().to_ascii_lowercase(), unquoted(value.trim())));
        }
        Some(Self { essence, parameters })
    }

    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether it names no other FHIR version than ours (G-06).
    pub(super) fn is_our_version(&self) -> bool {
        self.parameter("fhirversion").is_none_or(|version| version == "4.0")
    }
}

/// The parts between separators outside quotes.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut in_quotes, mut after_backslash) = (false, false);
    text.split(|letter| {
        let escapes = in_quotes && !after_backslash && letter == '\\';
        if letter == '"' && !after_backslash {
            in_quotes = !in_quotes;
        }
        after_backslash = escapes;
        letter == separator && !in_quotes
    })
    .collect()
}

/// The content of a quoted string, or the text itself.
pub(super) fn unquoted(text: &str) -> String {
    let Some(inside) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut content = String::new();
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        content.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    content
}
