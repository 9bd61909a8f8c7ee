//! PATCH: JSON Patch and FHIRPath Patch, all or nothing (<https://hl7.org/fhir/R4/http.html#patch>, checks
//!
//!
//! Both work on a copy of the resource and return the patched one, or report which operation cannot be
//! carried out and why. The result is validated afterwards. No sentence quotes a value or a path of the
//! request: either can hold what identifies a person.

mod edit;
mod fault;
mod fhirpath_patch;
mod json_patch;
mod limit;

pub use fault::PatchFault;
pub use fhirpath_patch::fhirpath_patch;
pub use json_patch::json_patch;
