//! Data categories: what people recognise as one kind of data or service of an account.
//!
//! The catalogue is the CodeSystem `data-category` and the ConceptMap `data-category-to-smart-scope` of `fhir-profiles/`.

mod catalogue;
mod data_category;

#[cfg(test)]
mod tests;

pub use catalogue::{CategoryEntry, ProofingTable, Selector, catalogue};
pub use data_category::{Category, CategorySet, Sensitivity};
