//! The FHIR R4 front.

mod concurrency;
mod format;
mod lapse;
mod patch;
