//! Relationships: facts about two people.

use crate::person::nhs_number::NhsNumber;

/// A relationship (FHIR `RelatedPerson`). It is evidence, never permission: only a role permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// An opaque identifier of 1 to 64 characters (FHIR `id`).
    pub id: String,
    /// The person who is related.
    pub proxy: NhsNumber,
    /// The person whom they are related to.
    pub patient: NhsNumber,
    /// The kinds of relationship, as codes.
    pub codes: Vec<RelationshipCode>,
    /// Whether it is in use (`RelatedPerson.active`).
    pub active: bool,
    /// Whether a national register vouches for it. An unverified one is shown only with the role that claims
    /// it.
    pub verified: bool,
}

/// A code for a kind of relationship (FHIR `Coding`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationshipCode {
    /// The code system's URL.
    pub system: String,
    /// The code.
    pub code: String,
    /// The display text.
    pub display: Option<String>,
}
