//! What can be done, by the name under which the record keeps it. One row of one table says all there is to know of an
//! act: to add one is to add a row.

/// Makes the enums of their tables: each row is a variant, the name that the store keeps, and the effect.
macro_rules! acts {
    (
        acts { $($(#[$doc:meta])* $act:ident $name:literal $effect:ident,)+ }
        interactions { $($interaction:ident $code:literal $does:ident,)+ }
    ) => {
        /// An interaction of an API, by its code in FHIR's `restful-interaction`
        /// (<https://hl7.org/fhir/R4/codesystem-restful-interaction.html>).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are those of the codes")]
        pub enum Interaction {
            $($interaction,)+
        }

        impl Interaction {
            /// FHIR's code.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$interaction => $code,)+
                }
            }

            const fn effect(self) -> Effect {
                match self {
                    $(Self::$interaction => Effect::$does,)+
                }
            }
        }

        /// An act that leaves a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Act {
            $($(#[$doc])* $act,)+
            /// A request to an API: it read, or it asked for a change and was refused or changed nothing.
            Access(Interaction),
        }

        impl Act {
            /// Every act.
            pub const ALL: &[Self] =
                &[$(Self::$act,)+ $(Self::Access(Interaction::$interaction),)+];

            /// The name that the store keeps.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$act => $name,)+
                    Self::Access(interaction) => interaction.as_str(),
                }
            }

            const fn effect(self) -> Effect {
                match self {
                    $(Self::$act => Effect::$effect,)+
                    Self::Access(interaction) => interaction.effect(),
                }
            }
        }
    };
}

acts! {
    acts {
        /// A role came to be.
        RoleCreated "role-created" Creates,
        /// A role was changed by somebody.
        RoleChanged "role-changed" Updates,
        /// A role ended by itself: its end date had passed.
        RoleLapsed "role-lapsed" Updates,
        /// A role is to be looked at again: its patient has come to an age.
        RoleReviewDue "role-review-due" Updates,
        /// A role ended by itself: its patient has come to an age.
        RoleOutgrown "role-outgrown" Updates,
        /// A role ended by itself: nobody had used it for long.
        RoleUnused "role-unused" Updates,
        /// The end of a role was brought to mind.
        RoleReminded "role-reminded" Executes,
        /// A role ended because one of its people has died.
        RoleBereaved "role-bereaved" Updates,
        /// A role moved to the new number of one of its people.
        RoleRenumbered "role-renumbered" Updates,
        /// A role left every answer, because one of its people did.
        RoleHidden "role-hidden" Updates,
        /// A role came back, because its people did.
        RoleShown "role-shown" Updates,
        /// The registry told of a death.
        PersonDied "person-died" Updates,
        /// The registry told that a number was superseded.
        PersonRenumbered "person-renumbered" Updates,
        /// The registry told that a number is not valid any more.
        PersonInvalidated "person-invalidated" Updates,
        /// The registry told that a person is sensitive.
        PersonRestricted "person-restricted" Updates,
        /// The registry told that a person is not sensitive any more.
        PersonUnrestricted "person-unrestricted" Updates,
        /// The registry told of another practice.
        PersonMoved "person-moved" Updates,
        /// An access request came in.
        AccessRequestSubmitted "access-request-submitted" Creates,
        /// An access request was amended.
        AccessRequestChanged "access-request-changed" Updates,
        /// A relationship was recorded.
        RelationshipCreated "relationship-created" Creates,
        /// What is recorded of a relationship was changed.
        RelationshipChanged "relationship-changed" Updates,
        /// Somebody subscribed to events.
        SubscriptionCreated "subscription-created" Creates,
        /// A subscription was changed, by its owner or because its consumer could or could not be reached.
        SubscriptionChanged "subscription-changed" Updates,
        /// A subscription was deleted by its owner.
        SubscriptionDeleted "subscription-deleted" Deletes,
        /// A consumer was told of events, or could not be told.
        NotificationSent "notification-sent" Executes,
        /// Somebody logged in, or tried to.
        LoggedIn "logged-in" Executes,
        /// Somebody brought a second identity.
        IdentityLinked "identity-linked" UpdatesAccount,
        /// A token was issued.
        TokenIssued "token-issued" Executes,
        /// A token was asked for in vain.
        TokenRefused "token-refused" Executes,
        /// A token was exchanged for one to act for a patient (RFC 8693).
        TokenExchanged "token-exchanged" Executes,
        /// A grant was ended, and its tokens with it.
        GrantRevoked "grant-revoked" Executes,
        /// An app was registered (RFC 7591).
        ClientRegistered "client-registered" Executes,
        /// An app read who has logged in, and whom they may act for (OpenID Connect Core §5.3).
        UserInfoRead "userinfo-read" Reads,
        /// An API producer asked what a token is worth (RFC 7662).
        TokenIntrospected "token-introspected" Executes,
    }
    interactions {
        Read "read" Reads,
        VRead "vread" Reads,
        HistoryInstance "history-instance" Reads,
        HistoryType "history-type" Reads,
        HistorySystem "history-system" Reads,
        SearchType "search-type" Executes,
        SearchSystem "search-system" Executes,
        Create "create" Creates,
        Update "update" Updates,
        Patch "patch" Updates,
        Delete "delete" Deletes,
        Operation "operation" Executes,
        Batch "batch" Executes,
    }
}

/// What an act does. Whatever else the record says of the kind of an act follows from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It creates the resource that it is about.
    Creates,
    /// It changes that resource.
    Updates,
    /// It deletes that resource.
    Deletes,
    /// It changes an account, which is no resource.
    UpdatesAccount,
    /// It reads.
    Reads,
    /// Anything else.
    Executes,
}

/// What an act does to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of FHIR's interactions")]
pub enum Change {
    Create,
    Update,
    Delete,
}

impl Act {
    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|act| act.as_str() == text)
    }

    /// What the act does to the resource that it is about; `None` where it changes none.
    pub const fn change(self) -> Option<Change> {
        match self.effect() {
            Effect::Creates => Some(Change::Create),
            Effect::Updates => Some(Change::Update),
            Effect::Deletes => Some(Change::Delete),
            Effect::UpdatesAccount | Effect::Reads | Effect::Executes => None,
        }
    }

    /// What kind of act it is, as `AuditEvent.action` has it: create, read, update, delete, or execute.
    pub const fn action(self) -> &'static str {
        match self.effect() {
            Effect::Creates => "C",
            Effect::Reads => "R",
            Effect::Updates | Effect::UpdatesAccount => "U",
            Effect::Deletes => "D",
            Effect::Executes => "E",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Act, Change, Interaction};

    #[test]
    fn every_act_has_a_name_of_its_own() {
        for act in Act::ALL {
            assert_eq!(Act::parse(act.as_str()), Some(*act));
        }
        assert_eq!(Act::parse("role-deleted"), None);
    }

    #[test]
    fn action_and_change_follow_from_the_row() {
        let told = |act: Act| (act.as_str(), act.action(), act.change());
        assert_eq!(told(Act::RoleCreated), ("role-created", "C", Some(Change::Create)));
        assert_eq!(told(Act::PersonDied), ("person-died", "U", Some(Change::Update)));
        assert_eq!(told(Act::SubscriptionDeleted), ("subscription-deleted", "D", Some(Change::Delete)));
        assert_eq!(told(Act::IdentityLinked), ("identity-linked", "U", None));
        assert_eq!(told(Act::UserInfoRead), ("userinfo-read", "R", None));
        assert_eq!(told(Act::TokenIssued), ("token-issued", "E", None));
        assert_eq!(told(Act::Access(Interaction::HistorySystem)), ("history-system", "R", None));
        assert_eq!(told(Act::Access(Interaction::SearchType)), ("search-type", "E", None));
        assert_eq!(told(Act::Access(Interaction::Patch)), ("patch", "U", Some(Change::Update)));
    }
}
