//! What is asked of the database: a page of a search, or of a history, and what may be seen.

use super::fields::Field;
use super::filter::Filter;
use super::table::Table;
use domain::person::NhsNumber;
use domain::proxy::OdsCode;

/// What may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything that may appear in an answer.
    Everything,
    /// Only what names this person.
    Party {
        /// Who they are.
        number: NhsNumber,
        /// The time, in milliseconds since 1970: what others' roles show depends on it.
        now: i64,
    },
    /// Only the patients who are registered with this organisation now, what is recorded of them, and the roles that it
    /// granted. Nothing, where no organisation is known.
    Organisation(Option<OdsCode>),
    /// Only what is between these two.
    Pair {
        /// Who acts.
        proxy: NhsNumber,
        /// For whom.
        patient: NhsNumber,
    },
}

/// One key of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// By what.
    pub field: Field,
    /// Whether the greatest comes first.
    pub is_descending: bool,
}

/// One page of a search.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// Of what.
    pub table: Table,
    /// Which.
    pub filter: Filter,
    /// In which order; the id decides between equals. Three keys at most count.
    pub order: Vec<SortKey>,
    /// The row after which the page begins: its sort values and its id.
    pub after: Option<Position>,
    /// How many rows at most.
    pub limit: i64,
}

/// Where a row stands in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its value for each sort key, as text.
    pub values: Vec<String>,
    /// Its id.
    pub id: String,
}

/// A version of something, found in a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundVersion {
    /// Of which resource.
    pub id: String,
    /// Which version.
    pub version: i64,
    /// When it was written, in milliseconds since 1970.
    pub updated_at: i64,
}

/// Which versions to find: the newest first.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// The table of versions.
    pub table: Table,
    /// Of one resource, or of all.
    pub id: Option<String>,
    /// Restrictions on `updated_at`.
    pub filter: Filter,
    /// Leaves out what was followed by another version up to this time, in milliseconds since 1970.
    pub current_from: Option<i64>,
    /// The version after which the page begins.
    pub after: Option<FoundVersion>,
    /// How many at most.
    pub limit: i64,
}
