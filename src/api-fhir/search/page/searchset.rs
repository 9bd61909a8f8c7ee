//! A page as a Bundle of type searchset (<https://hl7.org/fhir/R4/bundle.html#searchset>).

use crate::context::Context;
use crate::resource::form::{Content, SearchEntry};
use crate::resource::stored_resource::StoredResource;
use crate::search::shape::Shape;

/// The entries of a page: what matches, and what is included.
pub(super) fn entries(
    context: &Context,
    shape: &Shape,
    matches: Vec<StoredResource>,
    included: Vec<StoredResource>,
) -> Vec<SearchEntry<Content>> {
    let entry = |stored: StoredResource, mode| {
        let full_url = format!("{}/{}/{}", context.base, stored.kind.name(), stored.id);
        SearchEntry::new(full_url, shape.apply_to(stored.body), mode)
    };
    let matches = matches.into_iter().map(|stored| entry(stored, "match"));
    matches.chain(included.into_iter().map(|stored| entry(stored, "include"))).collect()
}
