//! Sets of (category, action) pairs.

use serde::{Deserialize, Serialize};

use crate::account::category::{Category, CategorySet};
use crate::account::level::account_action::{AccountAction, ActionSet};

/// For each action on data, the categories in which it is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccessSet {
    read: CategorySet,
    search: CategorySet,
    create: CategorySet,
    update: CategorySet,
    delete: CategorySet,
    notify: CategorySet,
}

impl AccessSet {
    /// Nothing.
    pub const EMPTY: Self = Self::every(ActionSet::EMPTY, CategorySet::EMPTY);
    /// Every action on every category.
    pub const ALL: Self = Self::every(ActionSet::DATA, CategorySet::ALL);

    /// These actions in each of these categories. Actions on the account itself are left out.
    pub const fn every(actions: ActionSet, categories: CategorySet) -> Self {
        const fn given(actions: ActionSet, action: AccountAction, categories: CategorySet) -> CategorySet {
            if actions.has(action) { categories } else { CategorySet::EMPTY }
        }
        Self {
            read: given(actions, AccountAction::Read, categories),
            search: given(actions, AccountAction::Search, categories),
            create: given(actions, AccountAction::Create, categories),
            update: given(actions, AccountAction::Update, categories),
            delete: given(actions, AccountAction::Delete, categories),
            notify: given(actions, AccountAction::Notify, categories),
        }
    }

    /// Reading in these categories: read, search, be notified.
    pub const fn reading(categories: CategorySet) -> Self {
        Self::every(ActionSet::READING, categories)
    }

    /// These pairs.
    pub const fn of(pairs: &[(Category, AccountAction)]) -> Self {
        let mut set = Self::EMPTY;
        let mut rest = pairs;
        while let [(category, action), after @ ..] = rest {
            set = set.or(Self::every(ActionSet::of(&[*action]), CategorySet::of(&[*category])));
            rest = after;
        }
        set
    }

    /// The categories in which an action is allowed; none for an action on the account itself.
    pub const fn categories(&self, action: AccountAction) -> CategorySet {
        match action {
            AccountAction::Read => self.read,
            AccountAction::Search => self.search,
            AccountAction::Create => self.create,
            AccountAction::Update => self.update,
            AccountAction::Delete => self.delete,
            AccountAction::Notify => self.notify,
            AccountAction::Share
            | AccountAction::Invite
            | AccountAction::Install
            | AccountAction::InstallForOwnUse
            | AccountAction::Manage
            | AccountAction::Close
            | AccountAction::Leave => CategorySet::EMPTY,
        }
    }

    /// Whether an action is allowed in a category.
    pub const fn has(&self, category: Category, action: AccountAction) -> bool {
        self.categories(action).has(category)
    }

    /// Whether an action is allowed in any of these categories.
    pub const fn reaches(&self, action: AccountAction, categories: CategorySet) -> bool {
        !self.categories(action).and(categories).is_empty()
    }

    /// Whether it holds nothing.
    pub const fn is_empty(&self) -> bool {
        self.read.or(self.search).or(self.create).or(self.update).or(self.delete).or(self.notify).is_empty()
    }

    /// What is in either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            read: self.read.or(other.read),
            search: self.search.or(other.search),
            create: self.create.or(other.create),
            update: self.update.or(other.update),
            delete: self.delete.or(other.delete),
            notify: self.notify.or(other.notify),
        }
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            read: self.read.and(other.read),
            search: self.search.and(other.search),
            create: self.create.and(other.create),
            update: self.update.and(other.update),
            delete: self.delete.and(other.delete),
            notify: self.notify.and(other.notify),
        }
    }

    /// What is in these categories.
    #[must_use]
    pub const fn within(self, categories: CategorySet) -> Self {
        self.and(Self::every(ActionSet::DATA, categories))
    }

    /// What is in other categories than these.
    #[must_use]
    pub const fn without(self, categories: CategorySet) -> Self {
        self.within(CategorySet::ALL.without(categories))
    }

    /// The set with reading of the masked views of what it reads: a reader of the whole may see less of it.
    #[must_use]
    pub fn with_masked_views(self) -> Self {
        let with_views = |categories: CategorySet| categories.or(categories.masked_views());
        Self {
            read: with_views(self.read),
            search: with_views(self.search),
            notify: with_views(self.notify),
            ..self
        }
    }

    /// Whether all of it is in the other set.
    pub const fn is_within(&self, other: &Self) -> bool {
        self.read.is_within(other.read)
            && self.search.is_within(other.search)
            && self.create.is_within(other.create)
            && self.update.is_within(other.update)
            && self.delete.is_within(other.delete)
            && self.notify.is_within(other.notify)
    }
}
