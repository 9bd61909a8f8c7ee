//! The FHIR R4 front: true to the standard (4.0.1), for any FHIR client, at `/FHIR/R4`.

pub mod etag;
pub mod fhirpath;
pub mod format;
pub mod outcome;
pub mod patch;
pub mod shape;
