//! A searchset (contract §4.4).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use base::date_time::render_instant;

/// A searchset under construction: matches first, then includes.
pub(crate) struct Bundle {
    base: String,
    entries: Vec<Value>,
    total: usize,
}

impl Bundle {
    /// An empty searchset of the server at `base`.
    pub(crate) fn new(base: String) -> Self {
        Self { base, entries: Vec::new(), total: 0 }
    }

    /// Adds a match; only matches count in `total`.
    pub(crate) fn matched(&mut self, resource: Value) {
        self.total += 1;
        self.push(resource, "match");
    }

    /// Adds an include.
    pub(crate) fn included(&mut self, resource: Value) {
        self.push(resource, "include");
    }

    fn push(&mut self, resource: Value, mode: &str) {
        let part = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
        let full_url = format!("{}/{}/{}", self.base, part("resourceType"), part("id"));
        let mut entry = Map::new();
        entry.insert("fullUrl".to_owned(), full_url.into());
        entry.insert("resource".to_owned(), resource);
        entry.insert("search".to_owned(), json!({ "mode": mode }));
        self.entries.push(Value::Object(entry));
    }

    /// Renders the Bundle. `requested` is the requested path and query, below the base. An empty searchset
    /// has an empty `entry`, or none where `omit_empty` is set.
    pub(crate) fn render(self, requested: &str, omit_empty: bool, now: DateTime<Utc>) -> Value {
        let mut bundle = Map::new();
        bundle.insert("resourceType".to_owned(), "Bundle".into());
        bundle.insert("type".to_owned(), "searchset".into());
        bundle.insert("timestamp".to_owned(), render_instant(now).into());
        bundle.insert("total".to_owned(), self.total.into());
        let link = json!([{ "relation": "self", "url": format!("{}/{requested}", self.base) }]);
        bundle.insert("link".to_owned(), link);
        if !(self.entries.is_empty() && omit_empty) {
            bundle.insert("entry".to_owned(), Value::Array(self.entries));
        }
        Value::Object(bundle)
    }
}
