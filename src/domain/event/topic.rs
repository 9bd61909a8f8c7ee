//! What an event is about.

/// What an event is about (contract §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A role came to be.
    RoleCreated,
    /// A role is different from what it was.
    RoleChanged,
    /// A role may not appear in an answer any more: one of its people was invalidated or is restricted.
    RoleDeleted,
    /// A role ends soon, or ended a while ago: its people are to be told.
    RoleReminder,
    /// An access request came in, or was amended.
    AccessRequestSubmitted,
    /// A relationship was recorded, or is different from what it was.
    RelationshipChanged,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 6] = [
        Self::RoleCreated,
        Self::RoleChanged,
        Self::RoleDeleted,
        Self::RoleReminder,
        Self::AccessRequestSubmitted,
        Self::RelationshipChanged,
    ];

    /// The name that the store keeps, and the id of the definition that is published.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoleCreated => "proxy-role-created",
            Self::RoleChanged => "proxy-role-changed",
            Self::RoleDeleted => "proxy-role-deleted",
            Self::RoleReminder => "proxy-role-reminder",
            Self::AccessRequestSubmitted => "access-request-submitted",
            Self::RelationshipChanged => "proxy-relationship-changed",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }
}
