//! Versions and times in headers: `ETag`, `If-Match`, `If-None-Match`, `Last-Modified`, `If-Modified-Since`
//! (RFC 9110 §8.8 and §13, <https://hl7.org/fhir/R4/http.html#concurrency>, checks R-04, R-05, R-22).
//!
//! FHIR's entity tags are weak (`W/"3"`) and yet FHIR compares them in `If-Match`, where RFC 9110 allows
//! strong ones only. So `W/"3"` and `"3"` are the same version here.
//!
//! `httpdate` parses the dates. The lists of tags are parsed here: libraries split such a list at every
//! comma, also at one within a tag (`W/"a,b"` is one tag), or do not return the tags.

use std::fmt;

use chrono::{DateTime, Utc};

/// Formats the `ETag` of a version: `W/"3"`.
pub fn render_etag(version: impl fmt::Display) -> String {
    format!("W/\"{version}\"")
}

/// The versions that `If-Match` or `If-None-Match` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// `*`: any existing version.
    Any,
    /// These.
    OneOf(Vec<String>),
}

/// The header is not a list of entity tags (400).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header must be * or entity tags such as W/\"3\", separated by commas")]
pub struct NotAnEtag;

impl Versions {
    /// Parses the header; several of them joined by commas.
    ///
    /// # Errors
    ///
    /// [`NotAnEtag`] for anything that RFC 9110 does not allow there.
    pub fn parse(header: &str) -> Result<Self, NotAnEtag> {
        if header.trim() == "*" {
            return Ok(Self::Any);
        }
        let mut versions = Vec::new();
        let mut rest = header;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"').ok_or(NotAnEtag)?;
            let (version, after) = quoted.split_once('"').ok_or(NotAnEtag)?;
            let legal = |letter: char| letter == '!' || ('#'..='~').contains(&letter) || letter >= '\u{80}';
            if !version.chars().all(legal) {
                return Err(NotAnEtag);
            }
            versions.push(version.to_owned());
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(NotAnEtag);
            }
        }
        if versions.is_empty() { Err(NotAnEtag) } else { Ok(Self::OneOf(versions)) }
    }

    /// Parses `If-None-Match`, where a version without its quotation marks (`3`) is accepted too: fhirpy
    /// sends it so, and answering 304 to it loses nothing.
    ///
    /// # Errors
    ///
    /// [`NotAnEtag`] for anything else that RFC 9110 does not allow there.
    pub fn parse_known(header: &str) -> Result<Self, NotAnEtag> {
        let bare = header.trim();
        let is_bare = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
        if is_bare { Ok(Self::OneOf(vec![bare.to_owned()])) } else { Self::parse(header) }
    }

    /// Whether an existing version is among them.
    pub fn include(&self, version: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.iter().any(|one| one == version),
        }
    }
}

/// Formats an HTTP date, as in `Last-Modified`: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn render_http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Parses an HTTP date in any of the three forms of RFC 9110 §5.6.7. Any other header must be ignored
/// (§13.1.3), so there is no error.
pub fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(text.trim()).ok().map(DateTime::from)
}

/// Whether a read answers 304: the caller has this version already. `If-None-Match` decides where it is
/// present, else `If-Modified-Since`, to the second (RFC 9110 §13.2.2).
pub fn is_not_modified(
    if_none_match: Option<&Versions>,
    if_modified_since: Option<DateTime<Utc>>,
    version: &str,
    last_updated: DateTime<Utc>,
) -> bool {
    match (if_none_match, if_modified_since) {
        (Some(versions), _) => versions.include(version),
        (None, Some(since)) => last_updated.timestamp() <= since.timestamp(),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::{NotAnEtag, Versions, is_not_modified, parse_http_date, render_etag, render_http_date};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// R-22: the values of `If-Match`.
    #[test]
    fn if_match_accepts_weak_and_strong_etags() {
        assert_eq!(render_etag(3), "W/\"3\"");
        for (header, versions) in [
            ("W/\"3\"", vec!["3"]),
            ("\"3\"", vec!["3"]),
            (" W/\"1\" , \"2\",, W/\"a,b\" ", vec!["1", "2", "a,b"]),
            ("\"\"", vec![""]),
        ] {
            let wanted = Versions::OneOf(versions.into_iter().map(str::to_owned).collect());
            assert_eq!(Versions::parse(header), Ok(wanted), "{header}");
        }
        assert_eq!(Versions::parse(" * "), Ok(Versions::Any));
        for header in [
            "",
            ",",
            "3",
            "W/3",
            "w/\"3\"",
            "W/\"3",
            "\"3\" \"4\"",
            "*, \"3\"",
            "\"3\"x",
            "\"a b\"",
            "W/\"3\";x",
        ] {
            assert_eq!(Versions::parse(header), Err(NotAnEtag), "{header}");
        }
        assert_eq!(Versions::parse_known(" 3 "), Versions::parse("\"3\""));
        assert_eq!(Versions::parse_known("W/3"), Err(NotAnEtag));
        assert!(Versions::Any.include("9") && !Versions::parse("W/\"3\"").unwrap().include("4"));
    }

    #[test]
    fn http_date_is_parsed_in_three_forms() {
        let moment = at("1994-11-06T08:49:37Z");
        assert_eq!(render_http_date(moment), "Sun, 06 Nov 1994 08:49:37 GMT");
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse_http_date(text), Some(moment), "{text}");
        }
        for text in [
            "",
            "1994-11-06T08:49:37Z",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Wed, 30 Feb 2000 08:49:37 GMT",
            "Thu, 01 Jan 1900 00:00:00 GMT",
            "Fri, 00 Jan 2021 00:00:00 GMT",
            "now",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    /// R-04, R-05.
    #[test]
    fn if_none_match_and_if_modified_since_decide_304() {
        let updated = at("2026-01-01T12:00:00.900Z");
        let since = at("2026-01-01T12:00:00Z");
        let has = |header: &str| Versions::parse(header).unwrap();
        assert!(is_not_modified(Some(&has("W/\"1\", W/\"3\"")), None, "3", updated));
        assert!(!is_not_modified(Some(&has("W/\"2\"")), None, "3", updated));
        assert!(is_not_modified(None, Some(since), "3", updated));
        assert!(!is_not_modified(None, Some(since - TimeDelta::seconds(1)), "3", updated));
        assert!(!is_not_modified(Some(&has("W/\"2\"")), Some(since), "3", updated), "If-None-Match decides");
        assert!(!is_not_modified(None, None, "3", updated));
    }

    proptest::proptest! {
        #[test]
        fn http_date_round_trip(seconds in 0..253_402_300_800_i64) {
            let moment = DateTime::from_timestamp(seconds, 0).unwrap();
            proptest::prop_assert_eq!(parse_http_date(&render_http_date(moment)), Some(moment));
        }

        #[test]
        fn parsing_any_header_never_panics(
            header in r#"[W/"*, a-z0-9]{0,30}|\PC{0,30}|[A-Z][a-z]{2}, [0-9]{2} [JFMASOND][a-z]{2} [0-9]{4} [0-9:]{8} GMT"#,
        ) {
            let _either = Versions::parse(&header);
            let _either = parse_http_date(&header);
        }
    }
}
