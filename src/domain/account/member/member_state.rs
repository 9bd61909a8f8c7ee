//! The states of a member and the transitions between them: one table.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The state of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberState {
    /// Invited, and has not accepted.
    Invited,
    /// In force within its period.
    Active,
    /// Not in force for now.
    Paused,
    /// Ended. The row stays.
    Ended(MemberEnd),
}

impl MemberState {
    /// Its code in the store and in the APIs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended(_) => "ended",
        }
    }
}

/// How a member ended. Staff and auditors see it; the two people see only that it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberEnd {
    /// The invitation was not accepted in time.
    Lapsed,
    /// The invited user declined.
    Declined,
    /// The invitation was withdrawn.
    Withdrawn,
    /// The invitation was voided after too many wrong answers.
    Voided,
    /// The member left.
    Left,
    /// The owner, or a member who may manage, ended it.
    Removed,
    /// Its last instant has passed.
    Expired,
    /// Its role ended.
    RoleEnded,
    /// The account was closed.
    AccountClosed,
}

/// What happens to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberEvent {
    /// This user accepts the invitation.
    Accept(Uuid),
    /// The invited user declines.
    Decline,
    /// The invitation is not accepted in time.
    Lapse,
    /// The invitation is withdrawn.
    Withdraw,
    /// The invitation is voided after too many wrong answers.
    Void,
    /// The owner pauses it.
    Pause,
    /// The owner resumes it.
    Resume,
    /// The member leaves.
    Leave,
    /// The owner ends it.
    Remove,
    /// Its last instant has passed.
    Expire,
    /// Its role becomes active.
    RoleActivated,
    /// Its role is suspended.
    RoleSuspended,
    /// Its role ends.
    RoleEnded,
    /// The account is closed.
    CloseAccount,
}

/// The member has no such transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMemberTransition {
    /// The state has no such transition.
    #[error("this change of the member's state is not allowed")]
    State,
    /// A member by role follows its role: the role has to be changed.
    #[error("this access follows a role: change the role")]
    FollowsRole,
    /// The owner stays a member as long as the account is open.
    #[error("the owner stays a member while the account is open")]
    Owner,
}

/// The origins, as far as transitions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OriginKind {
    /// The owner.
    Owner,
    /// By role.
    Role,
    /// By share or staff share.
    Given,
}

/// The state after an event.
///
/// A member by role follows its role, also back to active, and stays when the account is closed, because roles do.
/// A paused member can be ended without being resumed.
pub(super) fn next_state(
    origin: OriginKind,
    state: MemberState,
    event: MemberEvent,
) -> Result<MemberState, InvalidMemberTransition> {
    match origin {
        OriginKind::Given => next_of_given(state, event).ok_or(InvalidMemberTransition::State),
        OriginKind::Role => next_of_role(state, event),
        OriginKind::Owner if event == MemberEvent::CloseAccount && state == MemberState::Active => {
            Ok(MemberState::Ended(MemberEnd::AccountClosed))
        }
        OriginKind::Owner => Err(InvalidMemberTransition::Owner),
    }
}

fn next_of_role(state: MemberState, event: MemberEvent) -> Result<MemberState, InvalidMemberTransition> {
    let next = match event {
        MemberEvent::RoleActivated => MemberState::Active,
        MemberEvent::RoleSuspended if state == MemberState::Active => MemberState::Paused,
        MemberEvent::RoleEnded if matches!(state, MemberState::Active | MemberState::Paused) => {
            MemberState::Ended(MemberEnd::RoleEnded)
        }
        MemberEvent::RoleSuspended | MemberEvent::RoleEnded => return Err(InvalidMemberTransition::State),
        MemberEvent::Accept(_)
        | MemberEvent::Decline
        | MemberEvent::Lapse
        | MemberEvent::Withdraw
        | MemberEvent::Void
        | MemberEvent::Pause
        | MemberEvent::Resume
        | MemberEvent::Leave
        | MemberEvent::Remove
        | MemberEvent::Expire
        | MemberEvent::CloseAccount => return Err(InvalidMemberTransition::FollowsRole),
    };
    if next == state { Err(InvalidMemberTransition::State) } else { Ok(next) }
}

const fn next_of_given(state: MemberState, event: MemberEvent) -> Option<MemberState> {
    let is_begun = matches!(state, MemberState::Active | MemberState::Paused);
    match (state, event) {
        (MemberState::Invited, MemberEvent::Accept(_)) | (MemberState::Paused, MemberEvent::Resume) => {
            Some(MemberState::Active)
        }
        (MemberState::Invited, MemberEvent::Decline) => Some(MemberState::Ended(MemberEnd::Declined)),
        (MemberState::Invited, MemberEvent::Lapse) => Some(MemberState::Ended(MemberEnd::Lapsed)),
        (MemberState::Invited, MemberEvent::Withdraw) => Some(MemberState::Ended(MemberEnd::Withdrawn)),
        (MemberState::Invited, MemberEvent::Void) => Some(MemberState::Ended(MemberEnd::Voided)),
        (MemberState::Active, MemberEvent::Pause) => Some(MemberState::Paused),
        (_, MemberEvent::Leave) if is_begun => Some(MemberState::Ended(MemberEnd::Left)),
        (_, MemberEvent::Remove) if is_begun => Some(MemberState::Ended(MemberEnd::Removed)),
        (_, MemberEvent::Expire) if is_begun => Some(MemberState::Ended(MemberEnd::Expired)),
        (MemberState::Invited | MemberState::Active | MemberState::Paused, MemberEvent::CloseAccount) => {
            Some(MemberState::Ended(MemberEnd::AccountClosed))
        }
        _ => None,
    }
}
