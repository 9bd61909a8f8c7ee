//! What is written down: every change in the transaction of the change, every access before it is answered.
//!
//! [`Act`] names what can be done, [`Access`] says who did it, to whose data, and what came of it; the journal of crate
//! `service` writes accesses down together. The record is only ever added to, and chained: the store does
//! that.
//!
//! A request without a valid token is nobody's, and not recorded: anybody could fill the table. Nor is one
//! that came too often (429), or asks for a path that does not exist. The request log has them.

mod access;
mod act;

pub use access::{Access, Actor, Outcome, People, Place, Shown};
pub use act::{Act, Change, Interaction};

/// What was changed.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The FHIR type and id, `Consent/…`.
    pub reference: String,
    /// The version that the act made.
    pub version: i64,
    /// The patient whose data it is.
    pub patient: crate::person::nhs_number::NhsNumber,
    /// The proxy whose data it is.
    pub proxy: crate::person::nhs_number::NhsNumber,
}
