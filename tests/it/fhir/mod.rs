//! The FHIR R4 front.

mod bodies;
mod bundle;
mod client;
// The attribute tells the lints that everything inside is test code, its helpers too.
#[cfg(test)]
mod format;
mod instance;
#[cfg(test)]
mod patch;
