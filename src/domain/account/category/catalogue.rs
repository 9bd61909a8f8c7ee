//! The catalogue of data categories, compiled in from `fhir-profiles/` by the build script.

use serde::{Deserialize, Serialize};

use crate::account::category::data_category::{Category, CategorySet, Sensitivity};
use crate::account::proofing::Proofing;

/// One category, as the CodeSystem `data-category` defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CategoryEntry {
    /// The category.
    pub category: Category,
    /// Its code.
    pub code: &'static str,
    /// Its name, for people.
    pub display: &'static str,
    /// A sentence that says what it holds.
    pub definition: &'static str,
    /// Its sensitivity.
    pub sensitivity: Sensitivity,
    /// The group under which pages list it.
    pub group: &'static str,
    /// Whether it is given only by name, never as part of a level.
    pub is_default_off: bool,
    /// The lowest level of identity proofing of its readers, where the deployment sets no other.
    pub minimum_proofing: Proofing,
    /// The category of which it is a view without some elements.
    pub masked_view_of: Option<Category>,
    /// Its resources. A category without a selector for a resource type admits nothing of that type.
    pub selectors: &'static [Selector],
}

/// Resources of a category, as a SMART scope (SMART App Launch 2.2, "Scopes for requesting FHIR Resources").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The FHIR resource type.
    pub resource_type: &'static str,
    /// Letters of `cruds`.
    pub letters: &'static str,
    /// Search parameters that must match; empty for none.
    pub constraint: &'static str,
    /// The whole scope, such as `patient/Observation.rs?code=http://loinc.org|85354-9`.
    pub scope: &'static str,
}

static CATALOGUE: [CategoryEntry; Category::ALL.len()] = include!(concat!(env!("OUT_DIR"), "/categories.rs"));

/// The same as a constant, for the sets below.
const ENTRIES: [CategoryEntry; Category::ALL.len()] = include!(concat!(env!("OUT_DIR"), "/categories.rs"));

/// Every category with its definition, in the order of the CodeSystem.
pub fn catalogue() -> &'static [CategoryEntry] {
    &CATALOGUE
}

const fn above(sensitivity: Sensitivity) -> CategorySet {
    let mut set = CategorySet::EMPTY;
    let mut rest: &[CategoryEntry] = &ENTRIES;
    while let [entry, after @ ..] = rest {
        let is_above = match entry.sensitivity {
            Sensitivity::Normal => false,
            Sensitivity::Restricted => matches!(sensitivity, Sensitivity::Normal),
            Sensitivity::VeryRestricted => !matches!(sensitivity, Sensitivity::VeryRestricted),
        };
        if is_above {
            set = set.with(entry.category);
        }
        rest = after;
    }
    set
}

const fn default_off() -> CategorySet {
    let mut set = CategorySet::EMPTY;
    let mut rest: &[CategoryEntry] = &ENTRIES;
    while let [entry, after @ ..] = rest {
        if entry.is_default_off {
            set = set.with(entry.category);
        }
        rest = after;
    }
    set
}

const fn masked_views() -> CategorySet {
    let mut set = CategorySet::EMPTY;
    let mut rest: &[CategoryEntry] = &ENTRIES;
    while let [entry, after @ ..] = rest {
        if entry.masked_view_of.is_some() {
            set = set.with(entry.category);
        }
        rest = after;
    }
    set
}

impl CategorySet {
    /// Those that are more than restricted: opened one by one.
    pub const VERY_RESTRICTED: Self = above(Sensitivity::Restricted);
    /// Those that are given only by name.
    pub const DEFAULT_OFF: Self = default_off();
    /// Those that are a view of another without some elements.
    pub const MASKED_VIEWS: Self = masked_views();

    const ABOVE_NORMAL: Self = above(Sensitivity::Normal);

    /// The categories of at most this sensitivity.
    pub const fn up_to(sensitivity: Sensitivity) -> Self {
        match sensitivity {
            Sensitivity::Normal => Self::ALL.without(Self::ABOVE_NORMAL),
            Sensitivity::Restricted => Self::ALL.without(Self::VERY_RESTRICTED),
            Sensitivity::VeryRestricted => Self::ALL,
        }
    }

    /// The masked views of the categories of this set.
    #[must_use]
    pub fn masked_views(self) -> Self {
        let is_view = |entry: &&CategoryEntry| entry.masked_view_of.is_some_and(|whole| self.has(whole));
        CATALOGUE.iter().filter(is_view).fold(Self::EMPTY, |views, entry| views.with(entry.category))
    }
}

impl Category {
    /// Its definition.
    pub fn entry(self) -> &'static CategoryEntry {
        let [first, rest @ ..] = &CATALOGUE;
        rest.iter().find(|entry| entry.category == self).unwrap_or(first)
    }

    /// Its code.
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// Parses a code. An unknown one is no category, so that nothing is granted by it.
    pub fn parse(code: &str) -> Option<Self> {
        CATALOGUE.iter().find(|entry| entry.code == code).map(|entry| entry.category)
    }

    /// Its sensitivity.
    pub fn sensitivity(self) -> Sensitivity {
        self.entry().sensitivity
    }

    /// Whether one of these SMART letters is granted for resources of a type.
    pub fn selects(self, resource_type: &str, letters: &[char]) -> bool {
        self.entry()
            .selectors
            .iter()
            .any(|selector| selector.resource_type == resource_type && selector.letters.contains(letters))
    }
}

/// The lowest level of identity proofing for each category, as the deployment sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofingTable {
    from_p0: CategorySet,
    from_p5: CategorySet,
}

impl ProofingTable {
    /// Every category needs P9.
    pub const STRICT: Self = Self { from_p0: CategorySet::EMPTY, from_p5: CategorySet::EMPTY };

    /// The table of the catalogue.
    pub fn of_catalogue() -> Self {
        let add = |table: Self, entry: &CategoryEntry| table.with(entry.category, entry.minimum_proofing);
        CATALOGUE.iter().fold(Self::STRICT, add)
    }

    /// The table with another level for a category.
    #[must_use]
    pub const fn with(self, category: Category, minimum: Proofing) -> Self {
        let one = CategorySet::of(&[category]);
        let (from_p0, from_p5) = (self.from_p0.without(one), self.from_p5.without(one));
        match minimum {
            Proofing::P0 => Self { from_p0: from_p0.or(one), from_p5 },
            Proofing::P5 => Self { from_p0, from_p5: from_p5.or(one) },
            Proofing::P9 => Self { from_p0, from_p5 },
        }
    }

    /// The categories that a user of this level of proofing may reach.
    pub const fn admitted(self, proofing: Proofing) -> CategorySet {
        match proofing {
            Proofing::P0 => self.from_p0,
            Proofing::P5 => self.from_p0.or(self.from_p5),
            Proofing::P9 => CategorySet::ALL,
        }
    }
}
