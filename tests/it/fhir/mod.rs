//! The FHIR R4 front.

pub mod bodies;
mod bundle;
pub mod client;
mod content;
// The attribute tells the lints that everything inside is test code, its helpers too.
#[cfg(test)]
mod format;
mod general;
mod instance;
#[cfg(test)]
mod patch;
mod seen;
