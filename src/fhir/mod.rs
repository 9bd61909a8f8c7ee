//! The FHIR R4 front: true to the standard (4.0.1), for any FHIR client, at `/FHIR/R4`.

pub mod outcome;
pub mod profiles;
pub mod validate;
