//! The facts about the app of a question.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::category::{Category, CategorySet};
use crate::account::level::{AccessSet, ActionSet};
use crate::account::member::UserAppLimit;

/// The app through which a question comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppFacts<'a> {
    /// The pages of this service.
    OwnPages,
    /// An app that the settings govern: of staff or a system, or with a legal reason instead of permissions.
    Configured(AppCeiling),
    /// An app that is installed in the account.
    Installed(InstalledApp<'a>),
    /// An app that is not.
    NotInstalled,
}

/// The most that an app may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCeiling {
    /// Access to data.
    pub access: AccessSet,
    /// Actions on the account.
    pub actions: ActionSet,
}

/// An installed app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledApp<'a> {
    /// The installation.
    pub installation: Uuid,
    /// Its account.
    pub account: Uuid,
    /// Its state.
    pub state: InstallationState,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// Raised by every change of its permissions: grants that are behind do not count.
    pub epoch: i64,
    /// The role of a user who installed it for own use: it acts only by that role, and ends with it.
    pub role: Option<Uuid>,
    /// The listing.
    pub listing: Uuid,
    /// The version of the listing that was installed.
    pub listing_version: i64,
    /// The state of the listing.
    pub listing_state: ListingState,
    /// What the app is registered for, cut by the scopes of the token.
    pub registered: AppCeiling,
    /// What this version of the listing may have.
    pub listed: AppCeiling,
    /// What the account lets it do.
    pub permissions: Cow<'a, [CategoryPermission]>,
    /// Its use by this user.
    pub user_limit: UserAppLimit,
}

/// The state of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstallationState {
    /// In use.
    Active,
    /// Paused by a person.
    Paused,
    /// Suspended with its listing, or by the operator.
    Suspended,
    /// Removed.
    Removed,
}

/// The state of a listing, as far as its users are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListingState {
    /// Not in use.
    Draft,
    /// For the accounts that its developer owns.
    Sandbox {
        /// The developer.
        developer: Uuid,
    },
    /// For a group of users.
    Beta {
        /// Whether this user is in the group.
        is_in_group: bool,
    },
    /// For everyone.
    Published,
    /// Suspended.
    Suspended,
    /// Retired.
    Retired,
}

/// A permission of an app: actions in one category. Permissions are given and ended, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryPermission {
    /// Its id.
    pub id: Uuid,
    /// The category.
    pub category: Category,
    /// The actions.
    pub actions: ActionSet,
    /// The first day of the data; none for all.
    pub since: Option<NaiveDate>,
    /// Its first instant.
    pub start_at: DateTime<Utc>,
    /// The first instant at which it no longer holds.
    pub end_at: DateTime<Utc>,
    /// When it was ended before that.
    pub ended_at: Option<DateTime<Utc>>,
    /// The role by which it was given: it ends with the role.
    pub role: Option<Uuid>,
}

impl CategoryPermission {
    /// The access that it gives while it is in force.
    pub(super) const fn access(&self) -> AccessSet {
        AccessSet::every(self.actions, CategorySet::of(&[self.category]))
    }
}
