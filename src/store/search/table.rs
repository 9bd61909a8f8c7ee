//! The tables that can be searched.

/// A table that can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the migrations describe the tables")]
pub enum Table {
    Roles,
    RoleVersions,
    Relationships,
    RelationshipVersions,
    RelationshipCodes,
    AccessRequests,
    AccessRequestVersions,
    People,
    PersonNameParts,
    AuditRecords,
    Users,
    AccountUsers,
    /// The records of changes alone.
    AuditChanges,
    /// Those that are not deleted.
    Subscriptions,
    /// Deleted ones included.
    EverySubscription,
    SubscriptionVersions,
}

impl Table {
    /// Every table.
    pub const ALL: &[Self] = &[
        Self::Roles,
        Self::RoleVersions,
        Self::Relationships,
        Self::RelationshipVersions,
        Self::RelationshipCodes,
        Self::AccessRequests,
        Self::AccessRequestVersions,
        Self::People,
        Self::PersonNameParts,
        Self::AuditRecords,
        Self::Users,
        Self::AccountUsers,
        Self::AuditChanges,
        Self::Subscriptions,
        Self::EverySubscription,
        Self::SubscriptionVersions,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Roles => "roles",
            Self::RoleVersions => "role_versions",
            Self::Relationships => "relationships",
            Self::RelationshipVersions => "relationship_versions",
            Self::RelationshipCodes => "relationship_codes",
            Self::AccessRequests => "access_requests",
            Self::AccessRequestVersions => "access_request_versions",
            Self::People => "people",
            Self::PersonNameParts => "person_name_parts",
            Self::Users => "users",
            Self::AccountUsers => "account_users",
            Self::AuditRecords | Self::AuditChanges => "audit_records",
            Self::Subscriptions | Self::EverySubscription => "subscriptions",
            Self::SubscriptionVersions => "subscription_versions",
        }
    }
}
