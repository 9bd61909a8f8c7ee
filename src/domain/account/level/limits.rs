//! The limits of a proxy role: the codes of requested access that were granted.

use serde::{Deserialize, Serialize};

use crate::account::bit_set::bit_set;
use crate::account::category::{Category, CategorySet};

/// A code of requested access (contract §4.1, `Proxy-Placeholder-RequestedAccess`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RequestedAccess {
    /// Request and manage repeat prescriptions.
    Prescr,
    /// Appointment booking.
    Appt,
    /// GP health record. It includes the five that follow.
    Recrd,
    /// Test results.
    Test,
    /// Vaccination records.
    Vacc,
    /// Health conditions.
    Cond,
    /// Consultations and events.
    Consult,
    /// Documents.
    Docs,
}

impl RequestedAccess {
    /// Every code, in the order of the contract.
    pub const ALL: [Self; 8] = [
        Self::Prescr,
        Self::Appt,
        Self::Recrd,
        Self::Test,
        Self::Vacc,
        Self::Cond,
        Self::Consult,
        Self::Docs,
    ];

    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::Prescr => 1,
            Self::Appt => 1 << 1,
            Self::Recrd => 1 << 2,
            Self::Test => 1 << 3,
            Self::Vacc => 1 << 4,
            Self::Cond => 1 << 5,
            Self::Consult => 1 << 6,
            Self::Docs => 1 << 7,
        }
    }

    /// The code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Prescr => "PRESCR",
            Self::Appt => "APPT",
            Self::Recrd => "RECRD",
            Self::Test => "TEST",
            Self::Vacc => "VACC",
            Self::Cond => "COND",
            Self::Consult => "CONSULT",
            Self::Docs => "DOCS",
        }
    }

    /// Parses a code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }

    /// The categories that it admits.
    pub fn categories(self) -> CategorySet {
        let mut rows = REQUESTED.iter();
        rows.find(|(code, _)| *code == self).map_or(CategorySet::EMPTY, |(_, categories)| *categories)
    }
}

/// What each code admits: the ConceptMap `requested-access-to-data-category`.
static REQUESTED: [(RequestedAccess, CategorySet); RequestedAccess::ALL.len()] =
    include!(concat!(env!("OUT_DIR"), "/requested_access.rs"));

bit_set! {
    /// The limits of a role. Limits that are present admit only what their codes admit, and demographics: an empty set
    /// admits only demographics. A role without limits is limited by its level alone.
    RoleLimits(u8) of RequestedAccess
}

impl RoleLimits {
    const IMPLIED_BY_RECORD: Self = Self::of(&[
        RequestedAccess::Test,
        RequestedAccess::Vacc,
        RequestedAccess::Cond,
        RequestedAccess::Consult,
        RequestedAccess::Docs,
    ]);

    /// The codes with those that they imply: RECRD implies TEST, VACC, COND, CONSULT and DOCS.
    #[must_use]
    pub const fn implied(self) -> Self {
        if self.has(RequestedAccess::Recrd) { self.or(Self::IMPLIED_BY_RECORD) } else { self }
    }

    /// The categories that the limits admit. Those that are opened one by one are part of the record, so RECRD admits
    /// them; no code grants them.
    pub fn admitted(self) -> CategorySet {
        let always = CategorySet::of(&[Category::Demographics]);
        let codes = self.implied();
        let mut admitted = codes.iter().fold(always, |all, code| all.or(code.categories()));
        if codes.has(RequestedAccess::Recrd) {
            admitted = admitted.or(CategorySet::VERY_RESTRICTED.without(ACCOUNT));
        }
        admitted
    }
}

/// Categories of the account itself: no part of the health record.
const ACCOUNT: CategorySet = CategorySet::of(&[Category::WhoCanAct, Category::AccessLog]);
