//! What others must hear of. An event is written in the transaction of its change ([`crate::store`],
//! table `outbox`); delivery reads it from there.

/// What an event is about (contract §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A role came to be.
    RoleCreated,
    /// A role is different from what it was.
    RoleChanged,
    /// An access request came in, or was amended.
    AccessRequestSubmitted,
    /// A relationship was recorded, or is different from what it was.
    RelationshipChanged,
}

impl Topic {
    /// The name that the store keeps.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoleCreated => "proxy-role-created",
            Self::RoleChanged => "proxy-role-changed",
            Self::AccessRequestSubmitted => "access-request-submitted",
            Self::RelationshipChanged => "proxy-relationship-changed",
        }
    }
}
