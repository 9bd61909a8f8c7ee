//! Queries: a page of a search, or of a history, and the scope of what may be seen.

use super::fields::Field;
use super::filter::Filter;
use super::table::Table;
use domain::person::NhsNumber;
use domain::proxy::OdsCode;

/// The rows that a caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everything that may appear in an answer.
    Everything,
    /// Only rows that name this person.
    Party {
        /// Their NHS number.
        number: NhsNumber,
        /// The time, in milliseconds since 1970: the roles of others are visible depending on it.
        now: i64,
    },
    /// Only the patients who are registered with this organisation now, what is recorded of them, and the
    /// roles that it granted. Nothing, where no organisation is known.
    Organisation(Option<OdsCode>),
    /// Only rows between these two.
    Pair {
        /// The proxy.
        proxy: NhsNumber,
        /// The patient.
        patient: NhsNumber,
    },
}

/// One key of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// The field.
    pub field: Field,
    /// Whether the order is descending.
    pub is_descending: bool,
}

/// One page of a search.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// The table.
    pub table: Table,
    /// The filter.
    pub filter: Filter,
    /// The order; the id decides between equals. Three keys at most count.
    pub order: Vec<SortKey>,
    /// The row after which the page begins: its sort values and its id.
    pub after: Option<Position>,
    /// The most rows.
    pub limit: i64,
}

/// The position of a row in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its value for each sort key, as text.
    pub values: Vec<String>,
    /// Its id.
    pub id: String,
}

/// A version that was found in a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundVersion {
    /// The id of its resource.
    pub id: String,
    /// Its version.
    pub version: i64,
    /// When it was written, in milliseconds since 1970.
    pub updated_at: i64,
}

/// The versions to find, the newest first.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// The table of versions.
    pub table: Table,
    /// The versions of one resource, or of all.
    pub id: Option<String>,
    /// Conditions on `updated_at`.
    pub filter: Filter,
    /// Leaves out versions that were replaced up to this time, in milliseconds since 1970.
    pub current_from: Option<i64>,
    /// The version after which the page begins.
    pub after: Option<FoundVersion>,
    /// The most versions.
    pub limit: i64,
}
