//! Audit records: every change in the transaction of the change, every access before it is answered.
//!
//! [`Act`] names the acts; [`Access`] holds the actor, the people whose data it was, and the outcome; the
//! journal of crate `service` writes accesses in batches. Records are only ever added, and chained: the store
//! does that.
//!
//! A request without a valid token is not recorded, for any client could fill the table. Nor is one above the
//! rate limit (429), or for a path that does not exist. The request log has them.

mod access;
mod act;

pub use access::{Access, ActingAs, Actor, Disclosure, Outcome, People};
pub use act::{Act, ChangeKind, Interaction};

/// The subject of a change.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The FHIR type and id, `Consent/…`.
    pub reference: String,
    /// The version that the act wrote.
    pub version: i64,
    /// The patient whose data it is.
    pub patient: crate::person::nhs_number::NhsNumber,
    /// The proxy whose data it is.
    pub proxy: crate::person::nhs_number::NhsNumber,
}
