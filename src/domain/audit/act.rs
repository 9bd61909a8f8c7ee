//! The acts that are recorded, by their stored names. One table holds all there is to know of an act: adding
//! an act is adding a row.

/// Generates the enums from their tables: each row is a variant, its stored name, and its effect.
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

        /// An act that leaves an audit record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Act {
            $($(#[$doc])* $act,)+
            /// A request to an API that read, or whose change was refused or changed nothing.
            Access(Interaction),
        }

        impl Act {
            /// Every act.
            pub const ALL: &[Self] =
                &[$(Self::$act,)+ $(Self::Access(Interaction::$interaction),)+];

            /// The stored name.
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
        /// A role was created.
        RoleCreated "role-created" Creates,
        /// A role was changed by a caller.
        RoleChanged "role-changed" Updates,
        /// A role ended by itself: its end date has passed.
        RoleLapsed "role-lapsed" Updates,
        /// A role is due for review: its patient has reached an age.
        RoleReviewDue "role-review-due" Updates,
        /// A role ended by itself: its patient has reached an age.
        RoleEndedByAge "role-outgrown" Updates,
        /// A role ended by itself: it was not used for long.
        RoleUnused "role-unused" Updates,
        /// A reminder of a role's end was sent.
        RoleReminded "role-reminded" Executes,
        /// A role ended because one of its people has died.
        RoleEndedByDeath "role-bereaved" Updates,
        /// A role moved to the new NHS number of one of its people.
        RoleRenumbered "role-renumbered" Updates,
        /// A role was hidden, because one of its people was.
        RoleHidden "role-hidden" Updates,
        /// A role is shown again, because its people are.
        RoleDisclosed "role-shown" Updates,
        /// The registry reported a death.
        PersonDied "person-died" Updates,
        /// The registry reported that an NHS number was superseded.
        PersonRenumbered "person-renumbered" Updates,
        /// The registry reported that an NHS number is no longer valid.
        PersonInvalidated "person-invalidated" Updates,
        /// The registry reported that a person is restricted (sensitive).
        PersonRestricted "person-restricted" Updates,
        /// The registry reported that a person is no longer restricted.
        PersonUnrestricted "person-unrestricted" Updates,
        /// The registry reported another practice.
        PersonMoved "person-moved" Updates,
        /// An access request was submitted.
        AccessRequestSubmitted "access-request-submitted" Creates,
        /// An access request was amended.
        AccessRequestChanged "access-request-changed" Updates,
        /// A relationship was recorded.
        RelationshipCreated "relationship-created" Creates,
        /// A recorded relationship was changed.
        RelationshipChanged "relationship-changed" Updates,
        /// A subscription was created.
        SubscriptionCreated "subscription-created" Creates,
        /// A subscription was changed, by its owner or by a change in its consumer's reachability.
        SubscriptionChanged "subscription-changed" Updates,
        /// A subscription was deleted by its owner.
        SubscriptionDeleted "subscription-deleted" Deletes,
        /// A notification was sent, or its delivery failed.
        NotificationSent "notification-sent" Executes,
        /// A person logged in, or tried to.
        LoggedIn "logged-in" Executes,
        /// A person linked a second identity.
        IdentityLinked "identity-linked" UpdatesAccount,
        /// A token was issued.
        TokenIssued "token-issued" Executes,
        /// A token request was refused.
        TokenRefused "token-refused" Executes,
        /// A token was exchanged for one to act for a patient (RFC 8693).
        TokenExchanged "token-exchanged" Executes,
        /// A grant was revoked, and its tokens with it.
        GrantRevoked "grant-revoked" Executes,
        /// An app was registered (RFC 7591).
        ClientRegistered "client-registered" Executes,
        /// An app read userinfo, and the people whom the user may act for (OpenID Connect Core §5.3).
        UserInfoRead "userinfo-read" Reads,
        /// An API producer introspected a token (RFC 7662).
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

/// The effect of an act, from which its codes in the audit record follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It creates its subject.
    Creates,
    /// It updates its subject.
    Updates,
    /// It deletes its subject.
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
pub enum ChangeKind {
    Create,
    Update,
    Delete,
}

impl Act {
    /// Parses the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|act| act.as_str() == text)
    }

    /// The change that the act makes to its subject; `None` where it changes no resource.
    pub const fn change(self) -> Option<ChangeKind> {
        match self.effect() {
            Effect::Creates => Some(ChangeKind::Create),
            Effect::Updates => Some(ChangeKind::Update),
            Effect::Deletes => Some(ChangeKind::Delete),
            Effect::UpdatesAccount | Effect::Reads | Effect::Executes => None,
        }
    }

    /// The code of `AuditEvent.action`: create, read, update, delete, or execute.
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
    use super::{Act, ChangeKind, Interaction};

    #[test]
    fn every_act_has_a_name_of_its_own() {
        for act in Act::ALL {
            assert_eq!(Act::parse(act.as_str()), Some(*act));
        }
        assert_eq!(Act::parse("role-deleted"), None);
    }

    #[test]
    fn action_and_change_follow_from_the_row() {
        let described = |act: Act| (act.as_str(), act.action(), act.change());
        assert_eq!(described(Act::RoleCreated), ("role-created", "C", Some(ChangeKind::Create)));
        assert_eq!(described(Act::PersonDied), ("person-died", "U", Some(ChangeKind::Update)));
        assert_eq!(
            described(Act::SubscriptionDeleted),
            ("subscription-deleted", "D", Some(ChangeKind::Delete))
        );
        assert_eq!(described(Act::IdentityLinked), ("identity-linked", "U", None));
        assert_eq!(described(Act::UserInfoRead), ("userinfo-read", "R", None));
        assert_eq!(described(Act::TokenIssued), ("token-issued", "E", None));
        assert_eq!(described(Act::Access(Interaction::HistorySystem)), ("history-system", "R", None));
        assert_eq!(described(Act::Access(Interaction::SearchType)), ("search-type", "E", None));
        assert_eq!(described(Act::Access(Interaction::Patch)), ("patch", "U", Some(ChangeKind::Update)));
    }
}
