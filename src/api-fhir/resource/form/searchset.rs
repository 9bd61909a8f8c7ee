//! A page of a search as a Bundle of type searchset (<https://hl7.org/fhir/R4/bundle.html#searchset>).

use serde::Serialize;
use serde_json::Value;

/// The Bundle, of resources of this kind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Searchset<R> {
    resource_type: &'static str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
    link: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) entry: Vec<SearchEntry<R>>,
}

/// An entry of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SearchEntry<R> {
    full_url: String,
    resource: R,
    search: SearchMode,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct SearchMode {
    mode: &'static str,
}

impl<R> Searchset<R> {
    /// A page with these links and entries; `total` where it was asked for.
    pub(crate) const fn new(total: Option<i64>, link: Vec<Value>, entry: Vec<SearchEntry<R>>) -> Self {
        Self { resource_type: "Bundle", r#type: "searchset", total, link, entry }
    }
}

impl<R> SearchEntry<R> {
    /// A resource with its URL. `mode` is `match` or `include`.
    pub(crate) const fn new(full_url: String, resource: R, mode: &'static str) -> Self {
        Self { full_url, resource, search: SearchMode { mode } }
    }
}
