//! Access levels: named, versioned sets of (category, action).

use serde::{Deserialize, Serialize};

use crate::account::category::{Category, CategorySet, Sensitivity};
use crate::account::level::access_set::AccessSet;
use crate::account::level::account_action::AccountAction;

/// An access level of the CodeSystem `access-level`, the narrowest first. `manage` is a flag beside a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Appointments and prescriptions.
    BookAndOrder,
    /// Medicines and vaccinations as well.
    Summary,
    /// Problems, results, visits and readings as well.
    Detailed,
    /// Documents and resources that are labelled restricted as well.
    Full,
}

/// One version of a level, as the CodeSystem defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelEntry {
    /// The level.
    pub level: Level,
    /// The major number of the CodeSystem's version.
    pub version: u16,
    /// Its code.
    pub code: &'static str,
    /// Its name, for people.
    pub display: &'static str,
    /// The highest confidentiality label of a single resource that it shows.
    pub highest_label: Sensitivity,
    /// What it allows.
    pub access: AccessSet,
}

/// A level in the version that a member has. A new version of a level reaches a member only when it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelVersion {
    /// The level.
    pub level: Level,
    /// Its version.
    pub version: u16,
}

static LEVELS: &[LevelEntry] = include!(concat!(env!("OUT_DIR"), "/levels.rs"));

/// Every version of every level.
pub fn levels() -> &'static [LevelEntry] {
    LEVELS
}

impl Level {
    /// Every level, the narrowest first.
    pub const ALL: [Self; 4] = [Self::BookAndOrder, Self::Summary, Self::Detailed, Self::Full];

    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BookAndOrder => "book-and-order",
            Self::Summary => "summary",
            Self::Detailed => "detailed",
            Self::Full => "full",
        }
    }

    /// Parses a code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.code() == code)
    }

    /// The level in its newest version: what a new member gets.
    pub fn newest(self) -> LevelVersion {
        let versions = LEVELS.iter().filter(|entry| entry.level == self).map(|entry| entry.version);
        LevelVersion { level: self, version: versions.max().unwrap_or_default() }
    }
}

impl LevelVersion {
    /// Its definition; none for a version that this program does not have, which grants nothing.
    pub fn entry(self) -> Option<&'static LevelEntry> {
        LEVELS.iter().find(|entry| entry.level == self.level && entry.version == self.version)
    }

    /// What it allows.
    pub fn access(self) -> AccessSet {
        self.entry().map_or(AccessSet::EMPTY, |entry| entry.access)
    }

    /// The highest label of a single resource that it shows.
    pub fn highest_label(self) -> Sensitivity {
        self.entry().map_or(Sensitivity::Normal, |entry| entry.highest_label)
    }
}

/// No level holds what is given only by name.
const _: () = {
    const ENTRIES: &[LevelEntry] = include!(concat!(env!("OUT_DIR"), "/levels.rs"));
    let by_name = CategorySet::VERY_RESTRICTED.or(CategorySet::DEFAULT_OFF);
    let mut rest = ENTRIES;
    while let [entry, after @ ..] = rest {
        assert!(
            entry.access.within(by_name).is_empty(),
            "a level holds a category that is given only by name"
        );
        rest = after;
    }
};
