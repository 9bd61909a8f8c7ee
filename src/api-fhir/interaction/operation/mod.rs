//! The operations that only read (<https://hl7.org/fhir/R4/operations.html>), one per file. `$validate` stands beside the writes
//! that it is a part of, those on subscriptions in `interaction/subscription/`.

pub(crate) mod everything;
pub(crate) mod expand;
pub(crate) mod meta;
pub(crate) mod versions;
