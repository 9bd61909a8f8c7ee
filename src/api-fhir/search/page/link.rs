//! The links of a page, and the opaque token in them that says where a page begins.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::context::Context;
use crate::refusal::Refusal;
use crate::search::query::bad;
use base::ids;
use base::json::has_control;
use store::search::Position;

/// The start of a page: one of the searched types, and the row of it that precedes the page. Without a row,
/// the page begins with the first of the type.
#[derive(Default)]
pub(super) struct Start {
    pub(super) kind: usize,
    pub(super) after: Option<Position>,
    /// The last audit record of the search: each page leaves a record of its own, and would otherwise have to
    /// be followed by another for ever.
    pub(super) until: String,
}

impl Start {
    /// The start of a search.
    pub(super) fn first(context: &Context) -> Self {
        Self { until: ids::new_uuid(context.now()).to_string(), ..Self::default() }
    }

    /// Hexadecimal, which needs no escaping in a URL.
    pub(super) fn encode(&self) -> String {
        let (id, values) = self.after.as_ref().map(|after| (&after.id, &after.values)).unzip();
        let (id, values) = (id.map_or("", String::as_str), values.map_or(&[][..], Vec::as_slice));
        let json = json!([self.kind.to_string(), id, values, self.until]);
        json.to_string().bytes().fold(String::new(), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    }

    pub(super) fn decode(text: &str) -> Result<Self, Refusal> {
        let read = || {
            let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
            let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
            let (kind, id, values, until): (String, String, Vec<String>, String) =
                serde_json::from_slice(&bytes?).ok()?;
            // PostgreSQL refuses a text with NUL.
            if has_control(&id) || has_control(&until) || values.iter().any(|value| has_control(value)) {
                return None;
            }
            let after = (!id.is_empty()).then_some(Position { values, id });
            Some(Self { kind: kind.parse().ok()?, after, until })
        };
        read().ok_or_else(|| bad("This page link was not issued by this server."))
    }
}

/// `self`, and `next` where more follows.
pub(super) fn links(
    context: &Context,
    path: &str,
    used: &[(String, String)],
    here: Option<&str>,
    next: Option<&Start>,
) -> Vec<Value> {
    let url = |page: Option<&str>| {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        for (name, value) in used {
            pairs.append_pair(name, value);
        }
        if let Some(page) = page {
            pairs.append_pair("_page", page);
        }
        // A comma needs no escape in a query (RFC 3986, section 3.4), and HL7's validator compares `_type` as
        // it is written.
        let query = pairs.finish().replace("%2C", ",");
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/{path}{mark}{query}", context.base)
    };
    let mut links = vec![json!({ "relation": "self", "url": url(here) })];
    if let Some(next) = next {
        links.push(json!({ "relation": "next", "url": url(Some(&next.encode())) }));
    }
    links
}
