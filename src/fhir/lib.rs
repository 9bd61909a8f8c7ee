//! FHIR R4 without HTTP and without a database: the structure of its types, validation, `FHIRPath`, XML, patches, outcomes.

pub mod etag;
pub mod expansion;
pub mod fhirpath;
pub mod format;
pub mod outcome;
pub mod patch;
pub mod profiles;
mod structure;
pub mod validate;
mod xhtml;
