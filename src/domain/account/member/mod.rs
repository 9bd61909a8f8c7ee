//! Members: the users of an account, each by an origin, with their states, invitations, and what they may give.

mod account_member;
mod giving;
mod invitation;
mod member_state;

#[cfg(test)]
mod tests;

pub use account_member::{Member, MemberOrigin};
pub use giving::{
    CategoryOpening, OpenedBy, ShareDraft, ShareRefused, UserAppLimit, check_opening, check_share,
};
pub use invitation::{Invitation, InvitationAnswer, InvitationRefused, InvitationState, ShareAges};
pub use member_state::{InvalidMemberTransition, MemberEnd, MemberEvent, MemberState};
