//! Search (<https://hl7.org/fhir/R4/search.html>): a query string becomes a filter, the filter one page of
//! ids, the ids a searchset with what was to be included.
//!
//! A page costs the same number of statements whatever it finds: one for its ids, one or two for its
//! rows, one for a total if it was asked for, and as many for each include.

mod date;
mod filter;
mod include;
mod library;
mod page;
pub(crate) mod param;
mod query;
mod reference;
mod shape;
mod string;
mod token;
mod uri;

pub(crate) use filter::filter_of;
pub(crate) use page::{Found, search};
pub(crate) use query::{Query, Total};
