//! What can be done, by the name under which the record keeps it.

/// An interaction of a front, by its code in FHIR's `restful-interaction`
/// (<https://hl7.org/fhir/R4/codesystem-restful-interaction.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the codes")]
pub enum Interaction {
    Read,
    VRead,
    HistoryInstance,
    HistoryType,
    HistorySystem,
    SearchType,
    SearchSystem,
    Create,
    Update,
    Patch,
    Delete,
    Operation,
    Batch,
}

/// An act that leaves a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A role came to be.
    RoleCreated,
    /// A role was changed by somebody.
    RoleChanged,
    /// A role ended by itself: its end date had passed.
    RoleLapsed,
    /// A role is to be looked at again: its patient has come to an age.
    RoleReviewDue,
    /// A role ended by itself: its patient has come to an age.
    RoleOutgrown,
    /// A role ended by itself: nobody had used it for long.
    RoleUnused,
    /// The end of a role was brought to mind.
    RoleReminded,
    /// A role ended because one of its people has died.
    RoleBereaved,
    /// A role moved to the new number of one of its people.
    RoleRenumbered,
    /// A role left every answer, because one of its people did.
    RoleHidden,
    /// A role came back, because its people did.
    RoleShown,
    /// The registry told of a death.
    PersonDied,
    /// The registry told that a number was superseded.
    PersonRenumbered,
    /// The registry told that a number is not valid any more.
    PersonInvalidated,
    /// The registry told that a person is sensitive.
    PersonRestricted,
    /// The registry told that a person is not sensitive any more.
    PersonUnrestricted,
    /// The registry told of another practice.
    PersonMoved,
    /// An access request came in.
    AccessRequestSubmitted,
    /// An access request was amended.
    AccessRequestChanged,
    /// A relationship was recorded.
    RelationshipCreated,
    /// What is recorded of a relationship was changed.
    RelationshipChanged,
    /// Somebody subscribed to events.
    SubscriptionCreated,
    /// A subscription was changed, by its owner or because its consumer could or could not be reached.
    SubscriptionChanged,
    /// A subscription was deleted by its owner.
    SubscriptionDeleted,
    /// A consumer was told of events, or could not be told.
    NotificationSent,
    /// A request to a front: it read, or it wanted to change something and was refused or changed nothing.
    Access(Interaction),
    /// Somebody logged in, or tried to.
    LoggedIn,
    /// Somebody brought a second identity.
    IdentityLinked,
    /// A token was issued.
    TokenIssued,
    /// A token was asked for in vain.
    TokenRefused,
    /// A token was exchanged for one to act for a patient (RFC 8693).
    TokenExchanged,
    /// A grant was ended, and its tokens with it.
    GrantRevoked,
    /// An app was registered (RFC 7591).
    ClientRegistered,
    /// An app read who has logged in, and whom they may act for (OpenID Connect Core §5.3).
    UserInfoRead,
    /// An API producer asked what a token is worth (RFC 7662).
    TokenIntrospected,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 47] = [
        Self::RoleCreated,
        Self::RoleChanged,
        Self::RoleLapsed,
        Self::RoleReviewDue,
        Self::RoleOutgrown,
        Self::RoleUnused,
        Self::RoleReminded,
        Self::RoleBereaved,
        Self::RoleRenumbered,
        Self::RoleHidden,
        Self::RoleShown,
        Self::PersonDied,
        Self::PersonRenumbered,
        Self::PersonInvalidated,
        Self::PersonRestricted,
        Self::PersonUnrestricted,
        Self::PersonMoved,
        Self::AccessRequestSubmitted,
        Self::AccessRequestChanged,
        Self::RelationshipCreated,
        Self::RelationshipChanged,
        Self::SubscriptionCreated,
        Self::SubscriptionChanged,
        Self::SubscriptionDeleted,
        Self::NotificationSent,
        Self::Access(Interaction::Read),
        Self::Access(Interaction::VRead),
        Self::Access(Interaction::HistoryInstance),
        Self::Access(Interaction::HistoryType),
        Self::Access(Interaction::HistorySystem),
        Self::Access(Interaction::SearchType),
        Self::Access(Interaction::SearchSystem),
        Self::Access(Interaction::Create),
        Self::Access(Interaction::Update),
        Self::Access(Interaction::Patch),
        Self::Access(Interaction::Delete),
        Self::Access(Interaction::Operation),
        Self::Access(Interaction::Batch),
        Self::LoggedIn,
        Self::IdentityLinked,
        Self::TokenIssued,
        Self::TokenRefused,
        Self::TokenExchanged,
        Self::GrantRevoked,
        Self::ClientRegistered,
        Self::UserInfoRead,
        Self::TokenIntrospected,
    ];

    /// The name that the store keeps.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoleCreated => "role-created",
            Self::RoleChanged => "role-changed",
            Self::RoleLapsed => "role-lapsed",
            Self::RoleReviewDue => "role-review-due",
            Self::RoleOutgrown => "role-outgrown",
            Self::RoleUnused => "role-unused",
            Self::RoleReminded => "role-reminded",
            Self::RoleBereaved => "role-bereaved",
            Self::RoleRenumbered => "role-renumbered",
            Self::RoleHidden => "role-hidden",
            Self::RoleShown => "role-shown",
            Self::PersonDied => "person-died",
            Self::PersonRenumbered => "person-renumbered",
            Self::PersonInvalidated => "person-invalidated",
            Self::PersonRestricted => "person-restricted",
            Self::PersonUnrestricted => "person-unrestricted",
            Self::PersonMoved => "person-moved",
            Self::AccessRequestSubmitted => "access-request-submitted",
            Self::AccessRequestChanged => "access-request-changed",
            Self::RelationshipCreated => "relationship-created",
            Self::RelationshipChanged => "relationship-changed",
            Self::SubscriptionCreated => "subscription-created",
            Self::SubscriptionChanged => "subscription-changed",
            Self::SubscriptionDeleted => "subscription-deleted",
            Self::NotificationSent => "notification-sent",
            Self::Access(interaction) => interaction.as_str(),
            Self::LoggedIn => "logged-in",
            Self::IdentityLinked => "identity-linked",
            Self::TokenIssued => "token-issued",
            Self::TokenRefused => "token-refused",
            Self::TokenExchanged => "token-exchanged",
            Self::GrantRevoked => "grant-revoked",
            Self::ClientRegistered => "client-registered",
            Self::UserInfoRead => "userinfo-read",
            Self::TokenIntrospected => "token-introspected",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == text)
    }

    /// What the act does to the resource that it is about; `None` where it changes none. Whatever else the record
    /// says of the kind of an act follows from this.
    pub const fn change(self) -> Option<Change> {
        match self {
            Self::RoleCreated
            | Self::AccessRequestSubmitted
            | Self::RelationshipCreated
            | Self::SubscriptionCreated
            | Self::Access(Interaction::Create) => Some(Change::Create),
            Self::RoleChanged
            | Self::RoleLapsed
            | Self::RoleReviewDue
            | Self::RoleOutgrown
            | Self::RoleUnused
            | Self::RoleBereaved
            | Self::RoleRenumbered
            | Self::RoleHidden
            | Self::RoleShown
            | Self::PersonDied
            | Self::PersonRenumbered
            | Self::PersonInvalidated
            | Self::PersonRestricted
            | Self::PersonUnrestricted
            | Self::PersonMoved
            | Self::AccessRequestChanged
            | Self::RelationshipChanged
            | Self::SubscriptionChanged
            | Self::Access(Interaction::Update | Interaction::Patch) => Some(Change::Update),
            Self::SubscriptionDeleted | Self::Access(Interaction::Delete) => Some(Change::Delete),
            Self::Access(
                Interaction::Read
                | Interaction::VRead
                | Interaction::HistoryInstance
                | Interaction::HistoryType
                | Interaction::HistorySystem
                | Interaction::SearchType
                | Interaction::SearchSystem
                | Interaction::Operation
                | Interaction::Batch,
            )
            | Self::RoleReminded
            | Self::NotificationSent
            | Self::LoggedIn
            | Self::IdentityLinked
            | Self::TokenIssued
            | Self::TokenRefused
            | Self::TokenExchanged
            | Self::GrantRevoked
            | Self::ClientRegistered
            | Self::UserInfoRead
            | Self::TokenIntrospected => None,
        }
    }

    /// What kind of act it is, as `AuditEvent.action` has it: create, read, update, delete, or execute.
    pub const fn action(self) -> &'static str {
        match self.change() {
            Some(Change::Create) => "C",
            Some(Change::Update) => "U",
            Some(Change::Delete) => "D",
            // An account is no resource, but it is changed.
            None if matches!(self, Self::IdentityLinked) => "U",
            None if self.is_read() => "R",
            None => "E",
        }
    }

    const fn is_read(self) -> bool {
        matches!(
            self,
            Self::UserInfoRead
                | Self::Access(
                    Interaction::Read
                        | Interaction::VRead
                        | Interaction::HistoryInstance
                        | Interaction::HistoryType
                        | Interaction::HistorySystem
                )
        )
    }
}

/// What an act does to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of FHIR's interactions")]
pub enum Change {
    Create,
    Update,
    Delete,
}

impl Interaction {
    /// FHIR's code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::VRead => "vread",
            Self::HistoryInstance => "history-instance",
            Self::HistoryType => "history-type",
            Self::HistorySystem => "history-system",
            Self::SearchType => "search-type",
            Self::SearchSystem => "search-system",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Operation => "operation",
            Self::Batch => "batch",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Act;

    #[test]
    fn every_act_has_a_name_of_its_own() {
        for act in Act::ALL {
            assert_eq!(Act::parse(act.as_str()), Some(act));
        }
        assert_eq!(Act::parse("role-deleted"), None);
    }
}
