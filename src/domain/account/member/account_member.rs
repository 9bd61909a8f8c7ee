//! A member: a user within an account, by one origin.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::category::{CategorySet, Sensitivity};
use crate::account::level::{AccessSet, AccountAction, ActionSet, Level, MemberAccess};
use crate::account::member::member_state::{
    InvalidMemberTransition, MemberEvent, MemberState, OriginKind, next_state,
};
use crate::account::proofing::Proofing;
use base::date_time::is_within;

/// How a user came to be a member. There is one member for each (account, user, origin).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberOrigin {
    /// The account is the user's own.
    Owner,
    /// An active proxy role: the member is written in the transaction of the role.
    Role(Uuid),
    /// The owner gave access to another citizen.
    Share,
    /// The owner gave access to a member of staff.
    StaffShare,
}

impl MemberOrigin {
    /// Its code in the store and in the APIs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Role(_) => "role",
            Self::Share => "share",
            Self::StaffShare => "staff-share",
        }
    }

    /// The role of a member by role.
    pub const fn role(self) -> Option<Uuid> {
        match self {
            Self::Role(role) => Some(role),
            Self::Owner | Self::Share | Self::StaffShare => None,
        }
    }

    const fn kind(self) -> OriginKind {
        match self {
            Self::Owner => OriginKind::Owner,
            Self::Role(_) => OriginKind::Role,
            Self::Share | Self::StaffShare => OriginKind::Given,
        }
    }
}

/// A member of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: Uuid,
    /// The account.
    pub account: Uuid,
    /// The user; none while an invitation is open.
    pub user: Option<Uuid>,
    /// The origin.
    pub origin: MemberOrigin,
    /// The access that the origin gives. It does not count for an owner, who has everything.
    pub access: MemberAccess,
    /// The access to which the owner narrowed a member by role. It stays through changes of the role.
    pub narrowed_to: Option<MemberAccess>,
    /// The state.
    pub state: MemberState,
    /// The first instant; none for no beginning.
    pub start_at: Option<DateTime<Utc>>,
    /// The last instant, which belongs to it; none for no end.
    pub end_at: Option<DateTime<Utc>>,
    /// The user who added it; none for the service.
    pub added_by: Option<Uuid>,
    /// 1 for the first version, then counting up.
    pub version: i64,
}

impl Member {
    /// The owner of an account that opens at their first log-in. None below P9: such an identity grants nothing.
    pub fn owner(id: Uuid, account: Uuid, user: Uuid, proofing: Proofing) -> Option<Self> {
        (proofing >= Proofing::P9).then(|| Self {
            user: Some(user),
            state: MemberState::Active,
            ..Self::added(id, account, MemberOrigin::Owner, MemberAccess::of(Level::Full))
        })
    }

    /// The member of a role that becomes active.
    pub fn of_role(id: Uuid, account: Uuid, user: Uuid, role: Uuid, access: MemberAccess) -> Self {
        let access = MemberAccess { may_manage: false, ..access };
        Self {
            user: Some(user),
            state: MemberState::Active,
            ..Self::added(id, account, MemberOrigin::Role(role), access)
        }
    }

    /// A member who is invited: a share.
    pub fn invited(
        id: Uuid,
        account: Uuid,
        origin: MemberOrigin,
        access: MemberAccess,
        added_by: Uuid,
    ) -> Self {
        Self { added_by: Some(added_by), ..Self::added(id, account, origin, access) }
    }

    const fn added(id: Uuid, account: Uuid, origin: MemberOrigin, access: MemberAccess) -> Self {
        Self {
            id,
            account,
            user: None,
            origin,
            access,
            narrowed_to: None,
            state: MemberState::Invited,
            start_at: None,
            end_at: None,
            added_by: None,
            version: 1,
        }
    }

    /// The member after an event.
    ///
    /// # Errors
    ///
    /// [`InvalidMemberTransition`] where the state or the origin has no such transition.
    pub fn after(self, event: MemberEvent) -> Result<Self, InvalidMemberTransition> {
        let state = next_state(self.origin.kind(), self.state, event)?;
        let user = if let MemberEvent::Accept(user) = event { Some(user) } else { self.user };
        Ok(Self { state, user, version: self.version + 1, ..self })
    }

    /// Whether the member is in force at an instant: active, and within its period.
    pub fn is_in_force(&self, now: DateTime<Utc>) -> bool {
        self.state == MemberState::Active && is_within(self.start_at, self.end_at, now)
    }

    /// Whether the member may manage the account. A role never gives that, and staff never get it.
    pub const fn may_manage(&self) -> bool {
        match self.origin {
            MemberOrigin::Owner => true,
            MemberOrigin::Share => self.access.may_manage,
            MemberOrigin::Role(_) | MemberOrigin::StaffShare => false,
        }
    }

    /// The access in effect while the member is in force.
    pub fn effective(&self) -> AccessSet {
        let access = self.checked_access();
        match (self.origin, self.narrowed_to) {
            (MemberOrigin::Owner, _) => AccessSet::ALL,
            (_, Some(narrowed)) => access.effective().and(narrowed.effective()),
            (_, None) => access.effective(),
        }
    }

    /// The access to a resource with a confidentiality label of its own.
    pub fn effective_for_label(&self, label: Sensitivity) -> AccessSet {
        let access = self.checked_access();
        match (self.origin, self.narrowed_to) {
            (MemberOrigin::Owner, _) => AccessSet::ALL,
            (_, Some(narrowed)) => access.effective_for_label(label).and(narrowed.effective_for_label(label)),
            (_, None) => access.effective_for_label(label),
        }
    }

    /// The actions on the account itself. A user by a role installs an app for own use only; the right to manage adds
    /// the others, but closing the account is the owner's.
    pub const fn account_actions(&self) -> ActionSet {
        const MANAGING: ActionSet = ActionSet::CONTROL.without(ActionSet::of(&[AccountAction::Close]));
        const LEAVING: ActionSet = ActionSet::of(&[AccountAction::Leave]);
        match self.origin {
            MemberOrigin::Owner => ActionSet::CONTROL,
            MemberOrigin::Role(_) => LEAVING.with(AccountAction::InstallForOwnUse),
            MemberOrigin::Share if self.access.may_manage => LEAVING.or(MANAGING),
            MemberOrigin::Share | MemberOrigin::StaffShare => LEAVING,
        }
    }

    /// The access as the rules of its origin allow it, whatever a row says: a share never opens what is opened one by
    /// one, and only a share gives the right to manage.
    fn checked_access(&self) -> MemberAccess {
        let opened = match self.origin {
            MemberOrigin::Share => self.access.opened.without(CategorySet::VERY_RESTRICTED),
            MemberOrigin::Owner | MemberOrigin::Role(_) | MemberOrigin::StaffShare => self.access.opened,
        };
        MemberAccess { opened, may_manage: self.may_manage(), ..self.access }
    }
}
