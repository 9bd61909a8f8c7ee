//! The access of one member: level ∩ limits ∩ categories.

use serde::{Deserialize, Serialize};

use crate::account::category::{Category, CategorySet, Sensitivity};
use crate::account::level::access_level::{Level, LevelVersion};
use crate::account::level::access_set::AccessSet;
use crate::account::level::limits::RoleLimits;
use crate::proxy::legal_basis::LegalBasis;

/// What was given to a member, and what was taken away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAccess {
    /// The level.
    pub level: LevelVersion,
    /// The flag `manage`. A role never gives it.
    pub may_manage: bool,
    /// The limits of the role; none for a role without limits and for other origins.
    pub limits: Option<RoleLimits>,
    /// The highest sensitivity of the categories that the level gives.
    pub ceiling: Sensitivity,
    /// Categories that were opened by name, for reading.
    pub opened: CategorySet,
    /// Categories that the legal instrument excludes, or that the owner took away.
    pub excluded: CategorySet,
}

/// Why the owner cannot set this access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessChangeRefused {
    /// The access is wider than the role's.
    #[error("the access of a role can be narrowed, not widened")]
    WiderThanRole,
    /// A role gives no `manage`.
    #[error("a role gives no right to manage the account")]
    ManageByRole,
    /// The level's version is not known.
    #[error("this version of the level does not exist")]
    UnknownLevel,
}

impl MemberAccess {
    /// Read by every member, whatever the limits.
    const ALWAYS: CategorySet = CategorySet::of(&[Category::Demographics]);
    /// Read by a member who may manage.
    const OF_MANAGE: CategorySet = CategorySet::of(&[Category::WhoCanAct]);
    /// The age in years at which a parent no longer gets restricted categories by the level alone.
    pub const PARENT_CEILING_AGE: u8 = 11;

    /// The newest version of a level, without limits.
    pub fn of(level: Level) -> Self {
        Self {
            level: level.newest(),
            may_manage: false,
            limits: None,
            ceiling: Sensitivity::Restricted,
            opened: CategorySet::EMPTY,
            excluded: CategorySet::EMPTY,
        }
    }

    /// The access that a role gives by its legal basis. Where a patient or a professional chose, the choice is in the
    /// limits; what a legal instrument excludes is in `excluded`. A basis that is not known gives the narrowest level.
    ///
    /// `patient_age` in years matters to parents only: from [`Self::PARENT_CEILING_AGE`] on, or where the age is not
    /// known, restricted categories are not part of the level.
    pub fn by_basis(basis: LegalBasis, limits: Option<RoleLimits>, patient_age: Option<u8>) -> Self {
        let level = match basis {
            LegalBasis::Unknown => Level::BookAndOrder,
            LegalBasis::CourtAppointedPersonalWelfareDeputy
            | LegalBasis::HealthAndWelfareLastingPowerOfAttorney
            | LegalBasis::BestInterest
            | LegalBasis::Consent
            | LegalBasis::ParentalResponsibility => Level::Full,
        };
        let is_young = patient_age.is_some_and(|age| age < Self::PARENT_CEILING_AGE);
        let ceiling = match basis {
            LegalBasis::ParentalResponsibility if !is_young => Sensitivity::Normal,
            LegalBasis::ParentalResponsibility
            | LegalBasis::Unknown
            | LegalBasis::CourtAppointedPersonalWelfareDeputy
            | LegalBasis::HealthAndWelfareLastingPowerOfAttorney
            | LegalBasis::BestInterest
            | LegalBasis::Consent => Sensitivity::Restricted,
        };
        Self { limits, ceiling, ..Self::of(level) }
    }

    /// What the level gives, with what was opened by name, before limits and exclusions.
    pub fn given(&self) -> AccessSet {
        let by_level = CategorySet::up_to(self.ceiling)
            .without(CategorySet::VERY_RESTRICTED)
            .without(CategorySet::DEFAULT_OFF);
        self.level.access().within(by_level).or(AccessSet::reading(self.opened))
    }

    /// The categories that the limits admit: all where there are none.
    pub fn admitted(&self) -> CategorySet {
        self.limits.map_or(CategorySet::ALL, RoleLimits::admitted)
    }

    /// The access in effect: level ∩ limits ∩ categories, with demographics always.
    pub fn effective(&self) -> AccessSet {
        let own = self.given().within(self.admitted()).without(self.excluded);
        let managed = if self.may_manage { Self::OF_MANAGE } else { CategorySet::EMPTY };
        own.or(AccessSet::reading(Self::ALWAYS.or(managed)))
    }

    /// The access to a resource that has a confidentiality label of its own. The label must be within the level's, or the
    /// category must have been opened by name.
    pub fn effective_for_label(&self, label: Sensitivity) -> AccessSet {
        let by_level = label <= self.level.highest_label().min(self.ceiling);
        let access = self.effective();
        if by_level { access } else { access.within(self.opened.and(CategorySet::VERY_RESTRICTED)) }
    }

    /// The access of a role as its owner narrows it. What the role gives bounds it, now and after later changes of the role.
    ///
    /// # Errors
    ///
    /// [`AccessChangeRefused`] where it would be wider than the role's.
    pub fn narrowed_by_owner(&self, asked: Self) -> Result<Self, AccessChangeRefused> {
        if asked.level.entry().is_none() {
            return Err(AccessChangeRefused::UnknownLevel);
        }
        if asked.may_manage {
            return Err(AccessChangeRefused::ManageByRole);
        }
        let is_label_within =
            asked.level.highest_label().min(asked.ceiling) <= self.level.highest_label().min(self.ceiling);
        let is_within = asked.effective().is_within(&self.effective());
        if is_within && is_label_within { Ok(asked) } else { Err(AccessChangeRefused::WiderThanRole) }
    }
}
