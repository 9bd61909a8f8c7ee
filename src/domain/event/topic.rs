//! Topics of events.

/// The topic of an event (contract §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A role was created.
    RoleCreated,
    /// A role was changed.
    RoleChanged,
    /// A role is hidden: one of its people was invalidated or is restricted.
    RoleDeleted,
    /// A role ends soon, or ended a while ago: a reminder for its people.
    RoleReminder,
    /// An access request was submitted or amended.
    AccessRequestSubmitted,
    /// A relationship was recorded or changed.
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

    /// The stored name, and the id of the published definition.
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

    /// Parses the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }
}
