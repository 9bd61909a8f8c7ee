//! Search (<https://hl7.org/fhir/R4/search.html>): a query string becomes a filter, the filter one page of
//! ids, the ids a searchset with its includes.
//!
//! A page costs a fixed number of statements: one for its ids, one or two for its rows, one for a requested
//! total, and as many for each include.

pub(crate) mod account;
pub(crate) mod caps;
mod date;
pub(crate) mod filter;
mod include;
mod library;
mod page;
pub(crate) mod param;
mod quantity;
pub(crate) mod query;
mod reference;
mod shape;
mod string;
mod token;
mod uri;

use std::sync::Arc;

use crate::context::Context;
use crate::resource::resource_type::ResourceType;
use crate::search::query::pairs;
use base::clock::Clock;
use config::Contract;
use domain::account::Caller;
pub(crate) use page::{SearchScope, search};
use query::SearchQuery;
use service::policy::DisclosurePolicy;
use store::search::PageQuery;

/// The statement of a search of a type, such as `Consent` with `patient=9000000009`, for tests of query
/// plans. `None` for a refused search, and for compiled-in types.
pub fn statement_of(kind: &str, query: &str, clock: Arc<dyn Clock>, contract: Contract) -> Option<PageQuery> {
    let kind = ResourceType::parse(kind)?;
    let caller = Caller::SERVICE;
    let context = Context {
        caller,
        clock,
        status_for_other_patient: 404,
        contract,
        disclosure: DisclosurePolicy::EVERYTHING,
        base: String::new(),
        is_strict: true,
        subscribing: None,
        budget: store::Budget::of_entries(0),
        holds_writer: false,
    };
    let query = SearchQuery::read(&pairs(query)).ok()?;
    page::statement(kind, &query, &context).ok().flatten()
}
