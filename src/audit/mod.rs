//! What is written down about every act, in the transaction of the act itself.

/// An act that leaves a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A role came to be.
    RoleCreated,
    /// A role was changed by somebody.
    RoleChanged,
    /// A role ended by itself: its end date had passed.
    RoleLapsed,
    /// An access request came in.
    AccessRequestSubmitted,
    /// An access request was amended.
    AccessRequestChanged,
    /// A relationship was recorded.
    RelationshipCreated,
    /// What is recorded of a relationship was changed.
    RelationshipChanged,
}

impl Act {
    /// The name that the store keeps.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoleCreated => "role-created",
            Self::RoleChanged => "role-changed",
            Self::RoleLapsed => "role-lapsed",
            Self::AccessRequestSubmitted => "access-request-submitted",
            Self::AccessRequestChanged => "access-request-changed",
            Self::RelationshipCreated => "relationship-created",
            Self::RelationshipChanged => "relationship-changed",
        }
    }
}

/// What was acted on.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The FHIR type and id, `Consent/…`.
    pub reference: String,
    /// The version that the act made.
    pub version: i64,
    /// The patient whose data it is.
    pub patient: crate::person::NhsNumber,
    /// The proxy whose data it is.
    pub proxy: crate::person::NhsNumber,
}
