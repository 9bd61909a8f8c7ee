//! What a caller may ask to do in an account.

use serde::{Deserialize, Serialize};

use crate::account::bit_set::bit_set;
use crate::account::scope::Permission;

/// An action within an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountAction {
    /// Read one resource, its versions and its history.
    Read,
    /// Search resources.
    Search,
    /// Create a resource.
    Create,
    /// Change a resource.
    Update,
    /// Delete a resource.
    Delete,
    /// Be notified of changes.
    Notify,
    /// Give another user access to the account.
    Share,
    /// Send or withdraw an invitation.
    Invite,
    /// Install an app for every user of the account.
    Install,
    /// Install an app for the user's own use while acting for the patient.
    InstallForOwnUse,
    /// Change, pause or end other members, and decide requests.
    Manage,
    /// Close the account.
    Close,
    /// End one's own access.
    Leave,
}

impl AccountAction {
    /// Every action.
    pub const ALL: [Self; 13] = [
        Self::Read,
        Self::Search,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Notify,
        Self::Share,
        Self::Invite,
        Self::Install,
        Self::InstallForOwnUse,
        Self::Manage,
        Self::Close,
        Self::Leave,
    ];

    pub(crate) const fn bit(self) -> u16 {
        match self {
            Self::Read => 1,
            Self::Search => 1 << 1,
            Self::Create => 1 << 2,
            Self::Update => 1 << 3,
            Self::Delete => 1 << 4,
            Self::Notify => 1 << 5,
            Self::Share => 1 << 6,
            Self::Invite => 1 << 7,
            Self::Install => 1 << 8,
            Self::InstallForOwnUse => 1 << 9,
            Self::Manage => 1 << 10,
            Self::Close => 1 << 11,
            Self::Leave => 1 << 12,
        }
    }

    /// Its code in stored decisions and in the decision API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Search => "search",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Notify => "notify",
            Self::Share => "share",
            Self::Invite => "invite",
            Self::Install => "install",
            Self::InstallForOwnUse => "install-for-own-use",
            Self::Manage => "manage",
            Self::Close => "close",
            Self::Leave => "leave",
        }
    }

    /// Parses a code. An unknown one is no action, so that nothing is permitted by it.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.code() == code)
    }

    /// Whether it is about resources of a category, not about the account itself.
    pub const fn is_about_data(self) -> bool {
        ActionSet::DATA.has(self)
    }

    /// Whether it shows data and changes nothing: only these have masked views.
    pub const fn is_reading(self) -> bool {
        ActionSet::READING.has(self)
    }

    /// The SMART letters of which a selector has one where it grants the action; none for an action on the account.
    pub const fn letters(self) -> &'static [char] {
        match self {
            Self::Read => &['r'],
            Self::Search => &['s'],
            Self::Create => &['c'],
            Self::Update => &['u'],
            Self::Delete => &['d'],
            Self::Notify => &['r', 's'],
            Self::Share
            | Self::Invite
            | Self::Install
            | Self::InstallForOwnUse
            | Self::Manage
            | Self::Close
            | Self::Leave => &[],
        }
    }
}

impl From<Permission> for AccountAction {
    fn from(permission: Permission) -> Self {
        match permission {
            Permission::Create => Self::Create,
            Permission::Read => Self::Read,
            Permission::Update => Self::Update,
            Permission::Delete => Self::Delete,
            Permission::Search => Self::Search,
        }
    }
}

bit_set! {
    /// A set of actions.
    ActionSet(u16) of AccountAction
}

impl ActionSet {
    /// The actions that show data and change nothing.
    pub const READING: Self = Self::of(&[AccountAction::Read, AccountAction::Search, AccountAction::Notify]);
    /// The actions on resources of a category.
    pub const DATA: Self =
        Self::READING.or(Self::of(&[AccountAction::Create, AccountAction::Update, AccountAction::Delete]));
    /// The actions that decide who may do what in the account: they need a recent log-in and a settled identity.
    pub const CONTROL: Self = Self::of(&[
        AccountAction::Share,
        AccountAction::Invite,
        AccountAction::Install,
        AccountAction::InstallForOwnUse,
        AccountAction::Manage,
        AccountAction::Close,
    ]);
}
