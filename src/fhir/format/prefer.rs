//! The `Prefer` header (RFC 7240, <https://hl7.org/fhir/R4/http.html#ops>, checks G-09, G-10, G-11).
//!
//! Unknown preferences are ignored, never refused. fhirclient.js sends `return=presentation`.

use super::media_type::{split, unquoted};

/// The body of the response to a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Return {
    /// Nothing.
    Minimal,
    /// The resource in its new version. R4 leaves the default to the server: this is ours.
    #[default]
    Representation,
    /// An OperationOutcome.
    OperationOutcome,
}

/// The preferences of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    /// The body; the default where the caller has no preference.
    pub returns: Return,
    /// Whether an unknown search parameter is refused (`handling=strict`) or ignored.
    pub strict: bool,
}

impl Prefer {
    /// Parses the header, or several of them. The first preference of a kind counts (RFC 7240 §2).
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut returns, mut strict) = (None, None);
        for preference in headers.into_iter().flat_map(|header| split(header, ',')) {
            // Parameters of a preference follow a semicolon; ours have none.
            let preference = split(preference, ';').into_iter().next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let value = unquoted(value.trim()).to_ascii_lowercase();
            match (name.trim().to_ascii_lowercase().as_str(), value.as_str()) {
                ("return", "minimal") => returns = returns.or(Some(Return::Minimal)),
                ("return", "representation") => returns = returns.or(Some(Return::Representation)),
                ("return", "operationoutcome") => returns = returns.or(Some(Return::OperationOutcome)),
                ("handling", "strict") => strict = strict.or(Some(true)),
                ("handling", "lenient") => strict = strict.or(Some(false)),
                // Also `respond-async`: every response here is synchronous.
                _ => {}
            }
        }
        Self { returns: returns.unwrap_or_default(), strict: strict.unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Prefer, Return};

    /// G-09, G-10, G-11.
    #[test]
    fn prefer_header_is_parsed_and_unknown_preferences_are_ignored() {
        for (headers, returns, strict) in [
            (vec![], Return::Representation, false),
            (vec!["return=minimal"], Return::Minimal, false),
            (vec!["return=OperationOutcome"], Return::OperationOutcome, false),
            (vec!["Return = \"minimal\" ; x=1"], Return::Minimal, false),
            (vec!["return=presentation"], Return::Representation, false),
            (vec!["return=presentation", "return=minimal"], Return::Minimal, false),
            (vec!["return=minimal, return=representation"], Return::Minimal, false),
            (vec!["respond-async, handling=strict,return=minimal"], Return::Minimal, true),
            (vec!["handling=lenient", "handling=strict"], Return::Representation, false),
            (vec!["wait=10, x=\"a,return=minimal\""], Return::Representation, false),
            (vec!["", ",,;=", "handling"], Return::Representation, false),
        ] {
            assert_eq!(Prefer::parse(headers.iter().copied()), Prefer { returns, strict }, "{headers:?}");
        }
    }
}
