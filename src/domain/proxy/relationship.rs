//! A fact about two people: how the one is related to the other.

use crate::person::nhs_number::NhsNumber;

/// A relationship (FHIR `RelatedPerson`). It is evidence, never permission: only a role permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// An opaque identifier of 1 to 64 characters (FHIR `id`).
    pub id: String,
    /// The person who is related.
    pub proxy: NhsNumber,
    /// To whom.
    pub patient: NhsNumber,
    /// What the proxy is to the patient, in codes.
    pub codes: Vec<RelationshipCode>,
    /// Whether it is in use (`RelatedPerson.active`).
    pub active: bool,
    /// Whether a national register vouches for it. Others stand only beside the role that claims them.
    pub verified: bool,
}

/// A code for a kind of relationship (FHIR `Coding`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationshipCode {
    /// The code system's URL.
    pub system: String,
    /// The code.
    pub code: String,
    /// The words for people.
    pub display: Option<String>,
}
