//! The facts of a decision, as the store holds them at the time of the question.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::category::{CategorySet, ProofingTable};
use crate::account::decision::app_facts::AppFacts;
use crate::account::decision::identity_rule::IdentityRule;
use crate::account::decision::session::SessionFacts;
use crate::account::level::AccessSet;
use crate::account::member::{Member, MemberOrigin};
use crate::person::state::PersonState;
use crate::proxy::role_state::Status;

/// Everything that a decision looks at beside the question. What is left out admits nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionFacts<'a> {
    /// The asking party.
    pub party: DecisionParty,
    /// The account.
    pub account: AccountFacts,
    /// The grant behind the token; none for a session of our own pages and for a credential of the caller's own.
    pub grant: Option<GrantFacts>,
    /// The members of this user in this account. Access is what any of them gives.
    pub doors: Cow<'a, [DoorFacts]>,
    /// The most that this user may hand on to apps; none where their own access is the only bound.
    pub hands_on: Option<AccessSet>,
    /// The app.
    pub app: AppFacts<'a>,
    /// The vetoes of this account.
    pub vetoes: Cow<'a, [Veto]>,
    /// The rules about log-ins: those of the nation, then those of organisations.
    pub rules: Cow<'a, [IdentityRule]>,
    /// The lowest proofing for each category.
    pub minimum_proofing: ProofingTable,
    /// The log-in.
    pub session: SessionFacts<'a>,
}

/// The party that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionParty {
    /// A user, as a member of the account.
    User {
        /// The user.
        user: Uuid,
        /// The state of the person; `alive` for staff.
        state: PersonState,
    },
    /// Staff or a system of an organisation, which reaches patients by the rules of its practice, not as a member.
    Organisation {
        /// Whether the patient is within that reach.
        is_within_reach: bool,
    },
}

/// An account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFacts {
    /// Its id.
    pub id: Uuid,
    /// Its state.
    pub state: AccountState,
    /// The state of its person.
    pub person: PersonState,
    /// Raised by every change after which earlier grants no longer hold.
    pub epoch: i64,
}

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountState {
    /// Open.
    Open,
    /// Held, after an informal notice of death.
    Held,
    /// Closed by its owner. Its roles stay.
    Closed,
}

/// The grant behind a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantFacts {
    /// Its id.
    pub id: Uuid,
    /// The account that it is for.
    pub account: Uuid,
    /// The epoch up to which its scopes were computed. One that is behind the account's, the role's or the installation's
    /// does not count: a change acts on the next request.
    pub epoch: i64,
    /// Whether it was revoked.
    pub is_revoked: bool,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// A member of the user, with the role behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorFacts {
    /// The member.
    pub member: Member,
    /// The role of a member by role.
    pub role: Option<RoleFacts>,
}

/// A role behind a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleFacts {
    /// Its id.
    pub id: Uuid,
    /// Its version.
    pub version: i64,
    /// Its stored status.
    pub status: Status,
    /// When it begins.
    pub start_at: Option<DateTime<Utc>>,
    /// Its last instant, which belongs to it.
    pub end_at: Option<DateTime<Utc>>,
    /// Raised by every change of what it allows: grants that are behind do not use it.
    pub epoch: i64,
    /// The evidence that changed after the role was last written; the job has not come to the role yet.
    pub lapse: Option<EvidenceLapse>,
}

/// What became of the evidence of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceLapse {
    /// A veto was recorded: the role will be ended.
    Veto,
    /// Evidence fell away: the role will be suspended.
    Held,
}

/// A veto: what no member, level or permission outweighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Veto {
    /// Its id.
    pub id: Uuid,
    /// Its cause. A person never sees it.
    pub cause: VetoCause,
    /// The members that it is about.
    pub target: VetoTarget,
    /// The categories that it closes, with their masked views.
    pub categories: CategorySet,
    /// Whether it closes the actions on the account itself.
    pub closes_account_actions: bool,
}

/// The cause of a veto.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VetoCause {
    /// A safeguarding concern.
    Safeguarding,
    /// An order of a court.
    CourtOrder,
    /// The owner blocked the user.
    BlockedByOwner,
    /// The owner stopped all access.
    StoppedByOwner,
    /// A decision of the practice.
    Practice,
}

/// The members that a veto is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VetoTarget {
    /// Every member, the owner too.
    Everyone,
    /// Every member but the owner.
    AllButOwner,
    /// Every member of this user.
    User(Uuid),
    /// The member by this role; another member of the same user stays.
    Role(Uuid),
}

impl Veto {
    /// Whether it is about this member.
    pub(super) fn is_about(&self, member: &Member) -> bool {
        match self.target {
            VetoTarget::Everyone => true,
            VetoTarget::AllButOwner => member.origin != MemberOrigin::Owner,
            VetoTarget::User(user) => member.user == Some(user),
            VetoTarget::Role(role) => member.origin.role() == Some(role),
        }
    }

    /// The categories that it closes, with their masked views.
    pub(super) fn closed(&self) -> CategorySet {
        self.categories.or(self.categories.masked_views())
    }
}

impl DecisionFacts<'_> {
    /// The time of the question.
    pub(super) const fn now(&self) -> DateTime<Utc> {
        self.session.now
    }
}
