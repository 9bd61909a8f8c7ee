//! The read-only operations (<https://hl7.org/fhir/R4/operations.html>), one per file. `$validate` is in
//! `interaction/validate.rs`, because every write uses it; those on subscriptions are in
//! `interaction/subscription/`.

pub(crate) mod everything;
pub(crate) mod expand;
pub(crate) mod meta;
pub(crate) mod versions;
