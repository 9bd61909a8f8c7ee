//! A page as a Bundle of type searchset (<https://hl7.org/fhir/R4/bundle.html#searchset>).

use serde_json::Value;

use crate::context::Context;
use crate::resource::form;
use crate::resource::form::{Content, SearchEntry};
use crate::resource::stored_resource::StoredResource;
use crate::search::shape::Shape;

/// The content of a page.
pub(super) struct Page {
    pub(super) matches: Vec<StoredResource>,
    pub(super) included: Vec<StoredResource>,
    pub(super) total: Option<i64>,
    pub(super) links: Vec<Value>,
}

impl Page {
    pub(super) fn into_content(self, context: &Context, shape: &Shape) -> Content {
        let entry = |stored: StoredResource, mode| {
            let full_url = format!("{}/{}/{}", context.base, stored.kind.name(), stored.id);
            SearchEntry::new(full_url, shape.apply_to(stored.body), mode)
        };
        let matches = self.matches.into_iter().map(|stored| entry(stored, "match"));
        let included = self.included.into_iter().map(|stored| entry(stored, "include"));
        let entries = matches.chain(included).collect();
        Content::Searchset(Box::new(form::Searchset::new(self.total, self.links, entries)))
    }
}
