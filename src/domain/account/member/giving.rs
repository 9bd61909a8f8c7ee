//! What a user may give to another user and hand on to an app: never more than they have.

use serde::{Deserialize, Serialize};

use crate::account::category::{Category, CategorySet};
use crate::account::level::{AccessSet, MemberAccess};
use crate::account::member::account_member::MemberOrigin;
use crate::account::member::invitation::ShareAges;

/// A share that a user wants to give.
#[derive(Clone, Copy, Debug)]
pub struct ShareDraft {
    /// `share` or `staff-share`.
    pub origin: MemberOrigin,
    /// The access to give.
    pub access: MemberAccess,
    /// Whether the giver confirmed the right to manage a second time.
    pub is_manage_confirmed: bool,
    /// What the giver has in this account.
    pub access_of_giver: AccessSet,
    /// The owner's age in whole years.
    pub owner_age: u8,
    /// The invited user's age in whole years, where it is known before they accept.
    pub invitee_age: Option<u8>,
}

/// Why a share is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareRefused {
    /// Owners and members by role are not invited.
    #[error("access can be given only as a share")]
    Origin,
    /// More than the giver has.
    #[error("the access is more than the giver has")]
    MoreThanOwn,
    /// The level's version is not known.
    #[error("this version of the level does not exist")]
    UnknownLevel,
    /// A share never opens very restricted categories.
    #[error("very restricted categories cannot be shared with another person")]
    VeryRestricted,
    /// The right to manage needs a second confirmation, and is not given to staff.
    #[error("the right to manage needs a second confirmation, and is not given to staff")]
    Manage,
    /// The owner is too young.
    #[error("the owner of the account is too young to share it")]
    OwnerAge,
    /// The invited user is too young.
    #[error("the invited person is too young")]
    InviteeAge,
}

/// Checks a share. Limits do not belong to shares, so what is excluded says what is left out.
///
/// # Errors
///
/// [`ShareRefused`], the first rule that the share breaks.
pub fn check_share(share: &ShareDraft, ages: ShareAges) -> Result<(), ShareRefused> {
    let is_staff = match share.origin {
        MemberOrigin::Share => false,
        MemberOrigin::StaffShare => true,
        MemberOrigin::Owner | MemberOrigin::Role(_) => return Err(ShareRefused::Origin),
    };
    if share.owner_age < ages.owner {
        return Err(ShareRefused::OwnerAge);
    }
    if share.invitee_age.is_some_and(|age| age < ages.invitee) {
        return Err(ShareRefused::InviteeAge);
    }
    if share.access.level.entry().is_none() {
        return Err(ShareRefused::UnknownLevel);
    }
    if !is_staff && !share.access.opened.and(CategorySet::VERY_RESTRICTED).is_empty() {
        return Err(ShareRefused::VeryRestricted);
    }
    if share.access.may_manage && (is_staff || !share.is_manage_confirmed) {
        return Err(ShareRefused::Manage);
    }
    let is_within = share.access.effective().is_within(&share.access_of_giver);
    if is_within { Ok(()) } else { Err(ShareRefused::MoreThanOwn) }
}

/// The person who opens a category by name for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedBy {
    /// The owner of the account, at this age in whole years.
    Owner {
        /// The age.
        age: u8,
    },
    /// A clinician, or the organisation that granted the role.
    Clinician,
}

/// A category that is to be opened by name for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CategoryOpening {
    /// The category.
    pub category: Category,
    /// The member's origin.
    pub origin: MemberOrigin,
    /// The person who opens it.
    pub by: OpenedBy,
}

/// The age in whole years from which a young owner opens categories.
const OPENING_AGE: u8 = 13;

/// Checks that a category may be opened by name: by the owner from 13 on, or by a clinician for a member by role; a very
/// restricted one never for a share.
///
/// # Errors
///
/// [`ShareRefused`] where it may not.
pub fn check_opening(opening: CategoryOpening) -> Result<(), ShareRefused> {
    let is_very_restricted = CategorySet::VERY_RESTRICTED.has(opening.category);
    match (opening.by, opening.origin) {
        (_, MemberOrigin::Share) if is_very_restricted => Err(ShareRefused::VeryRestricted),
        (OpenedBy::Owner { age }, _) if age < OPENING_AGE => Err(ShareRefused::OwnerAge),
        (OpenedBy::Clinician, MemberOrigin::Share | MemberOrigin::StaffShare | MemberOrigin::Owner) => {
            Err(ShareRefused::Origin)
        }
        (OpenedBy::Clinician, MemberOrigin::Role(_)) | (OpenedBy::Owner { .. }, _) => Ok(()),
    }
}

/// The use of one app by one user in an account: whether they may use it, and what they may hand on to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAppLimit {
    /// Whether the user may use the app in this account.
    pub may_use: bool,
    /// The most that the user may hand on to an app; none where their own access is the only bound.
    pub hands_on: Option<AccessSet>,
}

impl UserAppLimit {
    /// What an app may get through a user with this access.
    #[must_use]
    pub const fn handed_on(&self, access: AccessSet) -> AccessSet {
        match (self.may_use, self.hands_on) {
            (false, _) => AccessSet::EMPTY,
            (true, Some(most)) => access.and(most),
            (true, None) => access,
        }
    }
}
