//! A page as a Bundle of type searchset (<https://hl7.org/fhir/R4/bundle.html#searchset>).

use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::resource::stored_resource::StoredResource;
use crate::search::shape::Shape;

/// The content of a page.
pub(super) struct Searchset {
    pub(super) matches: Vec<StoredResource>,
    pub(super) included: Vec<StoredResource>,
    pub(super) total: Option<i64>,
    pub(super) links: Vec<Value>,
}

impl Searchset {
    pub(super) fn render(self, context: &Context, shape: &Shape) -> Value {
        let entry = |stored: StoredResource, mode: &str| {
            let mut entry = Map::new();
            let full_url = format!("{}/{}/{}", context.base, stored.kind.name(), stored.id);
            entry.insert("fullUrl".to_owned(), full_url.into());
            entry.insert("resource".to_owned(), shape.apply(stored.body));
            entry.insert("search".to_owned(), json!({ "mode": mode }));
            Value::Object(entry)
        };
        let matches = self.matches.into_iter().map(|stored| entry(stored, "match"));
        let included = self.included.into_iter().map(|stored| entry(stored, "include"));
        let entries: Vec<Value> = matches.chain(included).collect();
        let mut bundle = Map::new();
        bundle.insert("resourceType".to_owned(), "Bundle".into());
        bundle.insert("type".to_owned(), "searchset".into());
        if let Some(total) = self.total {
            bundle.insert("total".to_owned(), total.into());
        }
        bundle.insert("link".to_owned(), Value::Array(self.links));
        if !entries.is_empty() {
            bundle.insert("entry".to_owned(), Value::Array(entries));
        }
        Value::Object(bundle)
    }
}
